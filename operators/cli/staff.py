"""`hcc staff`: grants staff the numbers of a unit, the alarms and the probe.

Only an operator can grant this; nobody can subscribe themselves through the chat.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from operators.cli.context import deployment, every, named_columns, of_oa, services, told_of
from operators.cli.days import unit_code
from operators.cli.input import typed_lines
from operators.cli.output import accountable, answer, as_json, examples, print_json, print_table, say

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from ledger.people.people import People
    from producers.news import UnitNews

ALARMS, PROBE = "báo động", "tin thăm dò"  # shown in place of a unit

NEVER = "none"
RHYTHMS = {"day": "mỗi ngày", "week": "mỗi tuần", "month": "mỗi tháng", NEVER: "không"}
NEWS = list(RHYTHMS)

_LONGEST_LINE = 64


@click.group(short_help="Cán bộ nhận số liệu của đơn vị.")
def staff() -> None:
    """Cán bộ quan tâm OA: ai nhận số liệu của đơn vị (`hcc report digest --post`, định kỳ), báo động, tin thăm dò."""


@staff.command(
    short_help="Cho cán bộ nhận số liệu của một đơn vị.",
    epilog=examples(
        "hcc staff add --unit H27.37 --by Lan --why 'đơn vị đề nghị' < can-bo.txt",
        "hcc staff add --unit H27.37 --news week --by Lan --why 'đơn vị đề nghị' < can-bo.txt",
        "hcc staff add --probe --by Lan --why 'đo đường gửi' < mot-nguoi.txt",
    ),
)
@click.option("--unit", callback=unit_code, metavar="MÃ", help="Nhận số liệu của đơn vị này (và các đơn vị dưới nó).")
@click.option("--news", type=click.Choice(NEWS), help="Số liệu của --unit tự gửi bao lâu một lần.")
@click.option("--alarms", is_flag=True, help="Nhận báo động của hệ thống.")
@click.option("--probe", is_flag=True, help="Nhận tin thăm dò mỗi giờ; mỗi OA chỉ một người, thay người trước.")
@of_oa
@accountable
@as_json
def add(oa: str | None, by: str, why: str, as_json: bool, **wanted: Any) -> None:
    """Đọc từ đầu vào chuẩn, mỗi dòng một mã người dùng Zalo hoặc số điện thoại đã nối; họ phải đang quan tâm OA."""
    from ledger.base.audit import audit

    grants = StaffGrants(**wanted)
    if not grants.something:
        raise click.UsageError("Cần --unit MÃ (số liệu của đơn vị), --alarms (báo động) hoặc --probe (thăm dò).")
    if grants.news and grants.unit is None:
        raise click.UsageError("--news cần --unit MÃ.")
    with services(oa=oa) as made, made.ledger.begin() as tx:
        found = followers(tx, made.oa, made.people, typed_lines())
        if grants.probe and len(found) > 1:
            raise click.ClickException("Chỉ một người nhận tin thăm dò của OA.")
        done = grants.give(tx, made.oa, found)
        audit(tx, made.oa, "staff add", f"{grants.told}: {_numbered(found)}", by=by, why=why)
    told = {
        "numbers": f"{done.get('numbers')} cán bộ mới được nhận số liệu của {grants.unit}.",
        "alarms": f"{done.get('alarms')} cán bộ mới được nhận báo động.",
        "probe": "Tin thăm dò đi mỗi giờ.",
    }
    said = [told[name] for name in done] + ([f"Số liệu tự gửi {RHYTHMS[grants.news]}."] if grants.news else [])
    answer("\n".join(said), as_json=as_json, done=sum(done.values()), **_counted(done))


@staff.command(
    "list", short_help="Liệt kê cán bộ và đơn vị.", epilog=examples("hcc staff list", "hcc staff list --json")
)
@of_oa
@as_json
def list_staff(oa: str | None, as_json: bool) -> None:
    """Liệt kê cán bộ được nhận số liệu của đơn vị nào và bao lâu một lần, ai nhận báo động, ai nhận tin thăm dò."""
    from ledger.people import probes
    from ledger.people import staff as grants
    from ledger.reports.alarms import listed_staff

    columns = {"unit": "Đơn vị", "user_id": "Người dùng", "follows": "Quan tâm", "news": "Tự gửi", "added_at": "Từ lúc"}
    rows: list[dict[str, Any]] = []
    with deployment() as made, made.shared.ledger.connect() as connection:
        for one in every(made, oa):
            rows += told_of(made, one, grants.listed(connection, one.oa))
            others = [(ALARMS, row) for row in listed_staff(connection, one.oa)]
            others += [(PROBE, row) for row in probes.listed(connection, one.oa)]
            rows += told_of(made, one, [{"unit": what, **row, "news": None} for what, row in others])
        columns = named_columns(made, columns)
    if as_json:
        print_json(rows)
    else:
        shown = [{**row, "news": RHYTHMS[row["news"]] if row["news"] else None} for row in rows]
        print_table(columns, shown, empty="Chưa có cán bộ nào.")


@staff.command(
    short_help="Thôi gửi số liệu cho cán bộ.",
    epilog=examples("hcc staff remove --alarms --by Lan --why 'chuyển công tác' < can-bo.txt"),
)
@click.option("--unit", callback=unit_code, metavar="MÃ", help="Chỉ đơn vị này; mặc định mọi đơn vị và mọi thứ khác.")
@click.option("--alarms", is_flag=True, help="Chỉ báo động.")
@click.option("--probe", is_flag=True, help="Chỉ tin thăm dò.")
@of_oa
@accountable
@as_json
def remove(oa: str | None, by: str, why: str, as_json: bool, **wanted: Any) -> None:
    """Đọc từ đầu vào chuẩn, mỗi dòng một mã người dùng Zalo hoặc số điện thoại đã nối."""
    from ledger.base.audit import audit

    grants = StaffGrants(**wanted)
    with services(oa=oa) as made, made.ledger.begin() as tx:
        found = followers(tx, made.oa, made.people, typed_lines(), leaving=True)
        done = grants.take(tx, made.oa, found)
        audit(tx, made.oa, "staff remove", f"{grants.told}: {_numbered(found)}", by=by, why=why)
    told = {
        "numbers": f"Đã thôi {done['numbers']} lượt nhận số liệu.",
        "alarms": f"Đã thôi {done['alarms']} lượt nhận báo động.",
        "probe": "Tin thăm dò đã ngừng.",
    }
    said = [told[name] for name, number in done.items() if number or (name == "numbers" and not grants.others)]
    nobody = "Không có ai trong số này nhận."
    answer("\n".join(said) or nobody, as_json=as_json, done=sum(done.values()), **_counted(done))


@staff.command(
    short_help="Xem trước số liệu tự gửi cho cán bộ.",
    epilog=examples("hcc staff news", "hcc staff news --json"),
)
@of_oa
@as_json
def news(oa: str | None, as_json: bool) -> None:
    """In đúng nội dung mà cán bộ nhận về kỳ vừa qua, và bao nhiêu người; tự gửi trong giờ làm việc (8 đến 18 giờ)."""
    from ledger.reports import tally_rounds
    from operators.reports.news import news_text
    from producers.news import newest_news

    rows: list[dict[str, Any]] = []
    with deployment() as made:
        now, ledger = made.shared.clock.now(), made.shared.ledger
        for one in every(made, oa):
            with ledger.connect() as connection:
                found = newest_news(connection, one.oa, now)
            for days in {each.period.days for each in found}:
                tally_rounds.bring_up(ledger, *days)
            with ledger.connect() as connection:
                shown = [_shown(each, news_text(connection, one, each)) for each in found]
            rows += told_of(made, one, shown)
    if as_json:
        print_json(rows)
        return
    for row in rows:
        say(f"{row['unit']}, {RHYTHMS[row['news']]}: {row['staff']} người, còn {row['untold']} người chưa nhận")
        say(f"{row['text']}\n", lines=True)
    if not rows:
        say("Chưa có số liệu nào tự gửi (hcc staff add --unit MÃ --news week).")


def _counted(done: Mapping[str, int]) -> dict[str, Any]:
    return {name: done.get(name, 0) for name in ("numbers", "alarms", "probe")}


def _shown(news: UnitNews, text: str) -> dict[str, Any]:
    return {
        "unit": news.unit,
        "news": news.rhythm,
        "since": news.first.isoformat(),
        "until": news.last.isoformat(),
        "staff": len(news.followers),
        "untold": len(news.untold),
        "text": text,
    }


@dataclass(frozen=True, slots=True)
class StaffGrants:
    """What a command gives to staff, or takes from them; a command that takes and names nothing takes everything."""

    unit: str | None = None
    news: str | None = None
    alarms: bool = False
    probe: bool = False

    @property
    def others(self) -> bool:
        """Whether something else than numbers is named."""
        return self.unit is None and (self.alarms or self.probe)

    @property
    def something(self) -> bool:
        """Whether anything is named."""
        return self.unit is not None or self.alarms or self.probe

    @property
    def told(self) -> str:
        """What is named, for the audit row."""
        named = [] if self.unit is None else [f"{self.unit} {self.news}" if self.news else self.unit]
        return ", ".join([*named, *[ALARMS] * self.alarms, *[PROBE] * self.probe]) or "tất cả"

    def give(self, tx: Connection, oa: str, found: Sequence[int]) -> dict[str, int]:
        """How many of them are new to each."""
        from domain.news import Rhythm
        from ledger.people import probes
        from ledger.people import staff as grants
        from ledger.reports.alarms import add_staff

        done: dict[str, int] = {}
        if self.unit is not None:
            done["numbers"] = grants.add(tx, oa, found, self.unit)
            if self.news:
                grants.set_news(tx, oa, found, self.unit, None if self.news == NEVER else Rhythm(self.news))
        if self.alarms:
            done["alarms"] = add_staff(tx, oa, found)
        if self.probe:
            probes.choose(tx, oa, found[0])
            done["probe"] = 1
        return done

    def take(self, tx: Connection, oa: str, found: Sequence[int]) -> dict[str, int]:
        """How many of them had each."""
        from ledger.people import probes
        from ledger.people import staff as grants
        from ledger.reports.alarms import remove_staff

        return {
            "numbers": 0 if self.others else grants.remove(tx, oa, found, self.unit),
            "alarms": remove_staff(tx, oa, found) if self.alarms or not self.something else 0,
            "probe": probes.end(tx, oa, found) if self.probe or not self.something else 0,
        }


def followers(tx: Connection, oa: str, people: People, lines: Iterable[str], *, leaving: bool = False) -> list[int]:
    """The followers named by the lines. Raises `ClickException` at the first line without one, with its number."""
    from ledger.people import staff as grants

    found: list[int] = []
    for number, line in enumerate(lines, 1):
        named = line.strip()[:_LONGEST_LINE]
        if not named:
            continue
        follower = grants.follower(tx, oa, named, leaving=leaving) or _by_phone(tx, oa, people, named, leaving=leaving)
        if follower is None:
            raise click.ClickException(f"Dòng {number}: không phải người đang quan tâm OA mà sổ biết.")
        found.append(follower)
    if not found:
        raise click.ClickException("Đầu vào không có dòng nào.")
    return found


def _by_phone(tx: Connection, oa: str, people: People, raw: str, *, leaving: bool) -> int | None:
    from domain.phone import read_phone
    from ledger.people import staff as grants

    phone = read_phone(raw).e164
    user = people.user_of(tx, oa, phone) if phone else None
    return grants.follower(tx, oa, user, leaving=leaving) if user else None


def _numbered(found: Iterable[int]) -> str:
    return ", ".join(f"follower {one}" for one in sorted(found))
