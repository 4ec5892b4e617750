"""Paper on a disk that is full: the whole text or nothing of it, and again later."""

from __future__ import annotations

import resource
from collections.abc import Collection, Sequence
from pathlib import Path

import pytest

from domain.outcome import Sent, TryLater, Uncertain
from tests.worker.channels.cases import letter
from worker.channels.channel import Ready
from worker.channels.paper import Paper


class Guard:
    """Lets everything leave."""

    def mark(self, _tags: Sequence[int]) -> Collection[int]:
        return []

    def is_over(self) -> bool:
        return False

    def doubt(self, _notice: int) -> Uncertain | None:
        return None


@pytest.fixture
def sheet(tmp_path: Path) -> Path:
    """Where the texts of an OA go."""
    return tmp_path / "oa.txt"


def sent(sheet: Path) -> object:
    """The outcome of one letter."""
    return Paper(sheet.parent).prepare([letter("một tin")], Ready(sheet), guard=Guard()).done[0].outcome


def test_a_full_disk_puts_a_text_off(sheet: Path) -> None:
    """With its reason, and it is written when there is room."""
    sheet.symlink_to("/dev/full")
    assert sent(sheet) == TryLater("the sheet cannot be written: ENOSPC")
    sheet.unlink()
    assert isinstance(sent(sheet), Sent)
    assert sheet.read_text() == "một tin\n\n"


def test_a_part_of_a_text_is_taken_back(sheet: Path) -> None:
    """A disk may take the first bytes and no more."""
    sheet.write_text("trước\n\n")
    before = sheet.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 3, hard))
    try:
        outcome = sent(sheet)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert outcome == TryLater("no room on the disk")
    assert sheet.read_bytes() == before
