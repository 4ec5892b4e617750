"""`hcc poster`: the poster of a unit, or of all units in one ZIP file (docs/poster.md)."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from domain.clock import to_vietnam
from operators.cli.context import of_oa, services
from operators.cli.days import unit_code
from operators.cli.exits import nothing
from operators.cli.output import as_json, examples, print_json, say
from operators.cli.output_file import whole_file
from operators.cli.progress import TellProgress, working

if TYPE_CHECKING:
    from domain.units import ListedUnit
    from operators.poster.poster import Poster

_SIZES = ("a4", "a5")
_FORMATS = ("pdf", "png")
_NO_LIST = "Chưa có đơn vị nào còn hiệu lực trong danh sách: nhập bằng `hcc units import TỆP`."


@click.command(
    short_help="Áp phích mã QR và hướng dẫn của đơn vị: A4, A5, PDF, PNG.",
    epilog=examples(
        "hcc poster --unit H27.37 --out ap-phich.pdf",
        "hcc poster --unit H27.37 --size a5 --format png --out -",
        "hcc poster --all --out ap-phich.zip --json",
    ),
)
@click.option("--unit", callback=unit_code, metavar="MÃ", help="Đơn vị này (`hcc units list`).")
@click.option("--all", "every_unit", is_flag=True, help="Mọi đơn vị còn hiệu lực, trong một tệp ZIP.")
@click.option("--size", type=click.Choice(_SIZES), default="a4", show_default=True, help="Khổ giấy.")
@click.option("--format", "form", type=click.Choice(_FORMATS), default="pdf", show_default=True, help="Loại tệp.")
@click.option("--direct", is_flag=True, help="Mã QR dẫn thẳng đến Zalo, không đếm lượt quét.")
@click.option("--out", required=True, metavar="TỆP|-", help="Ghi ra tệp này.")
@of_oa
@as_json
def poster(
    unit: str | None, size: str, form: str, out: str, oa: str | None, *, every_unit: bool, direct: bool, as_json: bool
) -> None:
    """Làm áp phích để niêm yết (R30, R31): mã QR, lời hướng dẫn, sáu bước, tên đơn vị; không đổi gì trong sổ.

    Mã QR dẫn đến OA; nếu đã đặt HCC_CONSOLE_URL thì qua liên kết ngắn, có đếm lượt quét (`hcc report scans`).
    """
    if every_unit is bool(unit):
        raise click.UsageError("Ghi --unit MÃ, hoặc --all.")
    if as_json and out == "-":
        raise click.UsageError("--json cần --out là một tệp.")
    from operators.poster.poster import PosterFormat, PosterSize, file_name, render, write_all

    made, paper, sort = _posters(unit, oa, direct=direct), PosterSize(size), PosterFormat(form)
    with working("Đang làm áp phích", len(made)) as tell, _opened(out) as file:
        if every_unit:
            write_all(_watched(made, tell), paper, sort, file)
        else:
            file.write(render(made[0], paper, sort))
    if as_json:
        print_json([_told(one, out, file_name(one, paper, sort) if every_unit else None) for one in made])
    elif out != "-":
        say(f"Đã ghi {out}: {len(made)} áp phích.", err=True)


def _posters(unit: str | None, oa: str | None, *, direct: bool) -> Sequence[Poster]:
    """The posters asked for. Raises `Ended` if the list of units has none."""
    from ledger.base import clock, units
    from operators.poster.choice import existing, posters

    with services(oa=oa) as made, made.ledger.connect() as connection:
        listed: Sequence[ListedUnit] = units.listed(connection, made.oa)
        if unit is None:
            listed = existing(listed, to_vietnam(clock.now(connection)).date())
        else:
            listed = [one for one in listed if one.code == unit]
        known = made.settings
        url = "" if direct else known.console_url
        found = posters(listed, oa=made.oa, place=known.place, console_url=url)
    if not found:
        raise nothing(f"Không có đơn vị {unit} trong danh sách (`hcc units list`)." if unit else _NO_LIST)
    return found


def _watched(made: Sequence[Poster], tell: TellProgress) -> Iterator[Poster]:
    """The posters, one by one; says how many are done."""
    for number, one in enumerate(made):
        tell(number)
        yield one


def _told(one: Poster, out: str, entry: str | None) -> dict[str, str | None]:
    return {"unit": one.code, "name": one.unit, "link": one.link, "file": out, "entry": entry}


@contextmanager
def _opened(out: str) -> Iterator[BinaryIO]:
    if out == "-":
        yield sys.stdout.buffer
    else:
        with whole_file(Path(out)) as file:
            yield file
