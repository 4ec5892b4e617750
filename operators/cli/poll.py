"""`hcc poll`: polls the dossier database once, in this process."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import click

from operators.cli.context import deployment, every, of_oa
from operators.cli.exits import Ended, ExitCode
from operators.cli.output import answer, as_json, examples
from operators.cli.progress import working

if TYPE_CHECKING:
    from worker.services.bootstrap import Services

_NEEDS = ("database_url", "secret_keys", "zalo_oa_id", "dossier_url", "redis_url")


@click.command(short_help="Hỏi CSDL hồ sơ một lượt.", epilog=examples("hcc poll --once", "hcc poll --once --json"))
@click.option(
    "--once", is_flag=True, required=True, help="Một lượt mọi luồng, cả đối chiếu; ghi sổ, rung chuông, dừng."
)
@of_oa
@as_json
def poll(once: bool, oa: str | None, as_json: bool) -> None:  # noqa: ARG001 (the option names what the command does)
    """Hỏi CSDL hồ sơ một lượt trong tiến trình này; có nhiều OA thì mọi CSDL, hoặc chỉ của --oa."""
    from producers.dossiers.mapping import MappingError
    from producers.dossiers.source import SourceError

    said, faults, total = list[str](), list[tuple[str, Exception]](), Counter[str]()
    with deployment(*_NEEDS) as made, working("Đang hỏi CSDL hồ sơ") as tell:
        asked = every(made, oa)
        for number, one in enumerate(asked):
            tell(number, len(asked))
            whose = f"{made.names[one.oa]}: " if made.several else ""
            try:
                counts = _whole_round(one)
            except (SourceError, MappingError) as fault:  # poll the other OAs all the same
                faults.append((whose, fault))
            else:
                said.append(whose + _told(counts))
                total += counts
    refused = [{"oa": whose.removesuffix(": ") or None, "why": str(fault)} for whose, fault in faults]
    answer(
        "\n".join(said), as_json=as_json, done=total["recorded"], refused=refused,
        read=total["read"], set_aside=total["set_aside"],
    )  # fmt: skip
    if faults:
        raise _failed([fault for _whose, fault in faults], "\n".join(f"{whose}{fault}" for whose, fault in faults),
                      partly=bool(said))  # fmt: skip


def _failed(faults: list[Exception], sentence: str, *, partly: bool) -> Ended:
    from operators.reasons import is_away

    if partly:
        return Ended(sentence, ExitCode.PARTLY)
    return Ended(sentence, ExitCode.AWAY if all(map(is_away, faults)) else ExitCode.FAULT)


def _whole_round(one: Services) -> Counter[str]:
    """Poll every feed, and reconcile; returns the numbers of rows read, notices recorded and rows set aside."""
    from producers.dossiers.poll import build_poller

    poller = build_poller(one.settings, one.shared)
    parts = poller.round(), poller.reconcile(whole=True)
    return Counter({count: sum(getattr(part, count) for part in parts) for count in ("read", "recorded", "set_aside")})


def _told(counts: Counter[str]) -> str:
    return (
        f"Đã đọc {counts['read']} dòng, ghi {counts['recorded']} thông báo mới, "
        f"để riêng {counts['set_aside']} dòng hỏng."
    )
