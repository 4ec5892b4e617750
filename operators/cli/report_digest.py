"""`hcc report digest`: a period in numbers, on the screen or posted to the staff of its unit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from operators.cli.context import services
from operators.cli.output import accountable_or_user, as_json, examples, print_json, print_table, say
from operators.cli.report_scope import NO_EVENTS, chosen_period, found_rows, period

if TYPE_CHECKING:
    from ledger.reports.statistics import ReportPeriod

_POST_NEEDS = ("database_url", "secret_keys", "zalo_oa_id", "redis_url")


@click.command(
    short_help="Số liệu chung của kỳ, không có dữ liệu cá nhân.",
    epilog=examples(
        "hcc report digest --json",
        "hcc report digest --since 2026-01-01 --until 2026-01-31 --post --by Lan",
        "hcc report digest --unit H27.37 --preview",
    ),
)
@period
@click.option("--post", is_flag=True, help="Gửi cho cán bộ của đơn vị (`hcc staff`), mỗi kỳ một lần.")
@click.option("--preview", is_flag=True, help="In đúng nội dung mà --post gửi, không gửi.")
@accountable_or_user("báo cáo định kỳ")
@as_json
def digest(
    since: datetime | None,
    until: datetime | None,
    unit: str | None,
    oa: str | None,
    *,
    post: bool,
    preview: bool,
    by: str,
    why: str,
    as_json: bool,
) -> None:
    """Số liệu theo loại thông báo cho cả kỳ, chỉ có con số (R32).

    Với --post, cán bộ đã đăng ký nhận số liệu của đơn vị mình qua Zalo; không có --unit thì mọi đơn vị có cán bộ.
    """
    from ledger.reports import statistics
    from operators.reports import reports

    chosen = chosen_period(since, until, unit)
    rows, named = found_rows(statistics.digest, chosen, oa, tallied=True)
    texts = _texts(oa, chosen) if preview else {}
    posted = {"posted": _post(oa, chosen, by, why)} if post else {}
    if as_json:
        more = posted | ({"texts": texts} if preview else {})
        print_json({"since": chosen.since, "until": chosen.until, "unit": chosen.unit, "kinds": rows, **more})
        return
    for text in texts.values():
        say(f"{text}\n", lines=True)
    print_table({**named, "kind": "Loại", **reports.COUNTS}, [*rows, *_total(rows, reports.COUNTS)], empty=NO_EVENTS)
    if post:
        told = ", ".join(f"{name}: {number}" for name, number in posted["posted"].items())
        say(f"Gửi cho cán bộ: {told or 'chưa có cán bộ nào đăng ký (hcc staff add)'}.")


def _texts(oa: str | None, chosen: ReportPeriod) -> dict[str, str]:
    """By unit the text that the digest would have: of the chosen one, else of each that has staff."""
    from dataclasses import replace

    from operators.reports.news import digest_text
    from producers.digest import digest_of, staff_of

    with services(oa=oa) as made, made.ledger.connect() as connection:
        wanted = [chosen.unit] if chosen.unit else list(staff_of(connection, made.oa, None))
        return {
            unit: digest_text(made, digest_of(connection, made.oa, replace(chosen, unit=unit), unit)) for unit in wanted
        }


def _post(oa: str | None, chosen: ReportPeriod, by: str, why: str) -> dict[str, int]:
    """Post the digest; returns by unit how many staff get it now."""
    from coordination.bell import ring
    from ledger.base.audit import audit
    from producers.digest import post as post_digest

    with services(*_POST_NEEDS, oa=oa) as made:
        with made.ledger.begin() as tx:
            posted = post_digest(tx, made.oa, chosen)
            for unit, number in posted.items():
                audit(tx, made.oa, "digest post", f"{unit}: {number}", by=by, why=why)
        if any(posted.values()):
            ring(made.oa)
    return posted


def _total(rows: Sequence[dict[str, Any]], names: Iterable[str]) -> list[dict[str, Any]]:
    return [{"oa": "", "kind": "Tổng", **{name: sum(row[name] for row in rows) for name in names}}] if rows else []
