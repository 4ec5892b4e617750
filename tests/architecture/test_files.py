"""The page that leads to each file is that of the files there are."""

from __future__ import annotations

from config.settings import ROOT
from tests.architecture.files import ROOMS, first_sentence, page


def test_the_page_of_files_is_the_files_own_words() -> None:
    """`make files` writes it."""
    assert (ROOT / "docs" / "reference" / "files.md").read_text("utf-8") == page()


def test_every_module_says_in_its_first_line_what_it_is_for() -> None:
    """But for packages that only hold others, and settings of Django that have no reader of their own."""
    silent = [
        path.relative_to(ROOT).as_posix()
        for room in ROOMS
        for path in (ROOT / room).rglob("*.py")
        if path.read_text("utf-8").strip() and not first_sentence(path)
    ]
    assert silent == []


def test_the_tables_that_the_page_names_exist() -> None:
    """They are where a kind, a channel or a page is added."""
    named = page().partition("The tables:")[2].partition("\n\n")[0].split("`")[1::2]
    assert [path for path in named if not (ROOT / path).is_file()] == []
