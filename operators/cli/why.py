"""`hcc why CODE`: why a person did, or did not, get the message about a dossier, in one sentence."""

from __future__ import annotations

import sys
from contextlib import closing
from typing import TYPE_CHECKING

import click

from operators.cli.context import deployment, every, of_oa
from operators.cli.exits import ExitCode
from operators.cli.output import as_json, examples, print_json, say
from operators.phrasebook import word_of

if TYPE_CHECKING:
    from operators.explain import Explanation, Situation


@click.command(
    short_help="Vì sao người dân (chưa) nhận được tin của một hồ sơ.",
    epilog=examples("hcc why H27.37-240219-1001", "hcc why 'h27 37 240219 1001' --json"),
)
@click.argument("code", metavar="MÃ_HỒ_SƠ")
@of_oa
@as_json
def why(code: str, oa: str | None, as_json: bool) -> None:
    """Trả lời trong một câu vì sao người dân nhận hay chưa nhận được tin, ai phải làm gì; cả khi không có tin nào.

    Mã gõ thiếu dấu chấm, thừa dấu cách, gạch dài cũng tìm được; dán cả câu hay đường dẫn có mã cũng được. Khi sổ không
    biết thì hỏi CSDL hồ sơ một lần, chỉ đọc.
    """
    from operators.explain import Explainer

    with deployment() as made, closing(Explainer(every(made, oa))) as explainer:
        explained = explainer.explain(code)
    if as_json:
        print_json(explained.shown())
    else:
        _tell(explained)
    sys.exit(_status(explained.verdict.situation))


def _status(situation: Situation) -> ExitCode:
    """`OK` wherever something is known of the dossier, whatever it is."""
    from operators.explain import Situation

    match situation:
        case Situation.UNKNOWN:
            return ExitCode.NOTHING
        case Situation.UNASKED | Situation.LEDGER_AWAY:
            return ExitCode.AWAY
        case Situation.NOT_A_CODE | Situation.SEVERAL:
            return ExitCode.USAGE
    return ExitCode.OK


def _tell(explained: Explanation) -> None:
    verdict = explained.verdict
    say(explained.code, bold=True)
    say(f"  {verdict.vi}")
    say(f"  → {verdict.todo_vi}  ({word_of('who', verdict.who).vi})")
    for one in explained.notices[:-1]:
        say(f"  {word_of('kinds', one.kind).vi}: {one.verdict.vi}")
