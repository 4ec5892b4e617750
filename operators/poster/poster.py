"""Makes a unit's poster from `templates/poster/poster.typ`: A4 or A5, PDF (tagged, PDF/UA-1) or PNG."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import BinaryIO
from zipfile import ZIP_STORED, ZipFile, ZipInfo

import fontpkg_be_vietnam_pro
import typst

from config.places import INSTALLED
from domain.guide import Guide
from operators.poster.qr import qr_svg

PRINT_PPI = 300
"""Pixels per inch of a PNG that is to be printed."""

_FOLDER = INSTALLED / "templates" / "poster"
_FONTS = fontpkg_be_vietnam_pro.ROOT / "files"


class PosterSize(StrEnum):
    """The paper."""

    A4 = "a4"
    A5 = "a5"


class PosterFormat(StrEnum):
    """The sort of file; the values are its suffixes."""

    PDF = "pdf"
    PNG = "png"


@dataclass(frozen=True, slots=True)
class Poster:
    """What a poster says: the unit's code and name, the guide, and the address in its QR code."""

    code: str
    unit: str
    guide: Guide
    link: str


def render(poster: Poster, size: PosterSize, form: PosterFormat, ppi: float = PRINT_PPI) -> bytes:
    """The file; the same poster gives the same bytes. `ppi` (pixels per inch) is for PNG only."""
    guide = poster.guide
    given = {
        "size": size.value,
        "unit": poster.unit,
        "title": guide.title,
        "audience": guide.audience,
        "account": guide.account,
        "caption": guide.caption,
        "instruction": guide.instruction,
        "steps": guide.steps,
        "link": poster.link,
        "qr": qr_svg(poster.link),
    }
    is_pdf = form is PosterFormat.PDF
    made = typst.compile(
        str(_FOLDER / "poster.typ"),
        root=str(_FOLDER),
        font_paths=[str(_FONTS)],
        ignore_system_fonts=True,  # the same sheet on every machine
        format="pdf" if is_pdf else "png",
        ppi=None if is_pdf else ppi,
        sys_inputs={"given": json.dumps(given)},
        pdf_standards=["ua-1"] if is_pdf else [],
    )
    if not isinstance(made, bytes):  # several pages
        raise TypeError("a poster is one page")
    return made


def file_name(poster: Poster, size: PosterSize, form: PosterFormat) -> str:
    """'H27.115-a4.pdf'."""
    return f"{poster.code}-{size}.{form}"


def write_all(posters: Iterable[Poster], size: PosterSize, form: PosterFormat, file: BinaryIO) -> None:
    """Write one ZIP with a file for each poster; PDF and PNG are compressed already."""
    with ZipFile(file, "w", ZIP_STORED) as archive:
        for poster in posters:
            archive.writestr(ZipInfo(file_name(poster, size, form)), render(poster, size, form))
