"""Posters as other programs read them: the QR code from pixels, the words from the PDF."""

from __future__ import annotations

import io
import re
import unicodedata
from datetime import date
from pathlib import Path

import pypdfium2
import pytest
import zxingcpp
from PIL import Image, ImageDraw
from pypdf import PdfReader

from domain.guide import follow_link, guide
from domain.units import ListedUnit
from operators.poster.choice import existing, posters
from operators.poster.poster import Poster, PosterFormat, PosterSize, render
from operators.poster.qr import QUIET_MODULES, qr_svg

LINK = follow_link("4024926008133882615")
POSTER = Poster("H27.115", "Phường Bắc Hồng Lĩnh", guide("tỉnh Hà Tĩnh"), LINK)
PPI = 150
LETTERS = "".join(
    unicodedata.normalize("NFC", base + mark + tone)
    for base, mark in [*((one, "") for one in "aeiouy"), ("a", "̆"), *((one, "̂") for one in "aeo"), ("o", "̛"), ("u", "̛")]
    for tone in ("", "̀", "́", "̉", "̃", "̣")
)  # fmt: skip
EVERY_LETTER = LETTERS + LETTERS.upper() + "đĐ"


def png(size: PosterSize = PosterSize.A5) -> Image.Image:
    """The poster as pixels."""
    return Image.open(io.BytesIO(render(POSTER, size, PosterFormat.PNG, PPI))).convert("L")


def printed(pdf: bytes) -> Image.Image:
    """The page of a PDF at 150 dpi."""
    return pypdfium2.PdfDocument(pdf)[0].render(scale=PPI / 72).to_pil().convert("L")


def decoded(picture: Image.Image) -> list[str]:
    """What a reader finds in a picture."""
    return [one.text for one in zxingcpp.read_barcodes(picture)]


def stained(picture: Image.Image, x: float, y: float, share: float = 0.15) -> Image.Image:
    """The picture with a white stain over this share of its QR code, its centre at (x, y) of the code's side."""
    [code] = zxingcpp.read_barcodes(picture)
    corner, side = code.position.top_left, code.position.top_right.x - code.position.top_left.x
    radius = side * (share / 3.1416) ** 0.5
    at = corner.x + x * side, corner.y + y * side
    spoilt = picture.copy()
    ImageDraw.Draw(spoilt).ellipse((at[0] - radius, at[1] - radius, at[0] + radius, at[1] + radius), fill=255)
    return spoilt


def words_of(pdf: bytes) -> str:
    """The text of a PDF of one page, without its line breaks."""
    [page] = PdfReader(io.BytesIO(pdf)).pages
    return re.sub(r"\s+", " ", page.extract_text())


def test_the_code_is_read_from_png_and_pdf_also_through_a_stain() -> None:
    """A stain over 15 % of it, wherever it does not hide a corner by which readers find the code."""
    for picture in (png(), printed(render(POSTER, PosterSize.A5, PosterFormat.PDF))):
        assert decoded(picture) == [LINK]
        for x, y in ((0.5, 0.5), (0.72, 0.72), (0.5, 0.25)):
            assert decoded(stained(picture, x, y)) == [LINK], (x, y)


def test_the_code_is_read_from_a4_too() -> None:
    """The larger sheet, of the same source."""
    assert decoded(png(PosterSize.A4)) == [LINK]


def test_the_code_has_its_quiet_zone() -> None:
    """Four light modules on each side of it, by the standard, on paper too."""
    picture = png()
    [code] = zxingcpp.read_barcodes(picture)
    modules = int(re.search(r'viewBox="0 0 (\d+)', qr_svg(LINK))[1]) - 2 * QUIET_MODULES  # type: ignore[index]
    left, right, top = code.position.top_left.x, code.position.top_right.x, code.position.top_left.y
    module = (right - left) / modules
    quiet = int((QUIET_MODULES - 1) * module)
    for box in ((left - quiet, top, left - 2, top + 50), (left, top - quiet, left + 50, top - 2)):
        assert picture.crop(box).getextrema() == (255, 255)
    assert module / PPI * 25.4 > 1, "a module is wider than a millimetre, on A5 too"


@pytest.mark.parametrize("size", PosterSize)
def test_the_pdf_says_what_the_guide_says_word_for_word(size: PosterSize) -> None:
    """Title, caption, instruction, the six steps with their numbers, the unit; tagged, in Vietnamese, of its size."""
    pdf = render(POSTER, size, PosterFormat.PDF)
    words, words_given = words_of(pdf), POSTER.guide
    steps = " ".join(f"{number} {step}" for number, step in enumerate(words_given.steps, 1))
    for said in (POSTER.unit, words_given.title, words_given.audience, words_given.caption, words_given.instruction):
        assert said in words
    assert steps in words
    reader = PdfReader(io.BytesIO(pdf))
    assert reader.root_object["/Lang"] == "vi"
    assert reader.root_object["/MarkInfo"]["/Marked"] == True  # noqa: E712 (an object of pypdf)
    assert b"pdfuaid:part" in reader.root_object["/Metadata"].get_object().get_data()  # type: ignore[union-attr]
    assert round(float(reader.pages[0].mediabox.width)) == {"a4": 595, "a5": 420}[size]


def test_every_vietnamese_letter_is_on_paper_in_the_vietnamese_font() -> None:
    """Each vowel with each tone, small and capital, is in the PDF's text, and none is of a fall-back font."""
    assert len(set(EVERY_LETTER)) == 146
    chunks = " ".join(re.findall(".{1,12}", EVERY_LETTER))
    pdf = render(Poster("H27", chunks, POSTER.guide, LINK), PosterSize.A4, PosterFormat.PDF)
    assert set(EVERY_LETTER) <= set(words_of(pdf))
    fonts = PdfReader(io.BytesIO(pdf)).pages[0]["/Resources"]["/Font"]  # type: ignore[index]
    assert {re.sub(r"^/\w+\+|-\w+$", "", str(one.get_object()["/BaseFont"])) for one in fonts.values()} == {
        "BeVietnamPro"
    }


def test_a_long_name_and_marks_of_markup_stay_on_one_page() -> None:
    """A name is text: it is neither obeyed nor cut."""
    name = "#pagebreak() *Ủy ban* $x$ <b> " * 6
    pdf = render(Poster("H27", name.strip(), POSTER.guide, LINK), PosterSize.A4, PosterFormat.PDF)
    assert name.strip() in words_of(pdf)


def test_the_same_poster_is_the_same_file() -> None:
    """No time stands in it."""
    assert render(POSTER, PosterSize.A5, PosterFormat.PDF) == render(POSTER, PosterSize.A5, PosterFormat.PDF)


def test_posters_are_of_the_units_that_exist_with_the_short_link_where_there_is_one() -> None:
    """Without a public address, the code leads to Zalo itself."""
    units = [
        ListedUnit("H27.30.25", "Phường Bắc Hồng", valid_until=date(2025, 6, 30)),
        ListedUnit("H27.115", "Phường Bắc Hồng Lĩnh"),
    ]
    now = existing(units, date(2025, 7, 1))
    assert [one.code for one in now] == ["H27.115"]
    for url, link in (("https://hcc.example", "https://hcc.example/q/H27.115"), ("", "https://zalo.me/1")):
        [made] = posters(now, oa="1", place="tỉnh Hà Tĩnh", console_url=url)
        assert (made.unit, made.link) == ("Phường Bắc Hồng Lĩnh", link)


def test_the_poster_has_one_source() -> None:
    """For both sizes and both formats."""
    folder = Path(__file__).parents[3] / "templates" / "poster"
    assert [file.name for file in folder.iterdir()] == ["poster.typ"]
