"""A process that goes behind all others does so also where Linux counts a niceness inside of a session only."""

import subprocess
import sys
from pathlib import Path

PROCESS = """
import os, sys
from pathlib import Path
from config import process
before = os.nice(0)
process._AUTOGROUP = Path(sys.argv[1])
process.lower_priority(7)
print(os.nice(0) - before)
"""
CHILD = "import subprocess, sys; sys.exit(subprocess.call([sys.executable, '-c', *sys.argv[1:]]))"


def lowered(groups: Path, *levels: str) -> int:
    """How much nicer the last of these programs became, each the child of the one before, in a session of theirs."""
    first, *others = (*levels, PROCESS)
    words = [sys.executable, "-c", first, *others, str(groups)]
    return int(subprocess.run(words, capture_output=True, text=True, check=True, start_new_session=True).stdout)


def test_a_session_of_its_own_goes_behind_other_sessions_too(tmp_path: Path) -> None:
    groups = tmp_path / "autogroup"
    groups.write_text("0")
    assert lowered(groups) == 7
    assert groups.read_text() == "7"


def test_a_child_of_the_first_process_of_a_session_takes_the_session_with_it(tmp_path: Path) -> None:
    groups = tmp_path / "autogroup"
    groups.write_text("0")
    assert lowered(groups, CHILD) == 7
    assert groups.read_text() == "7"


def test_a_session_in_which_others_live_keeps_its_place(tmp_path: Path) -> None:
    groups = tmp_path / "autogroup"
    groups.write_text("0")
    assert lowered(groups, CHILD, CHILD) == 7
    assert groups.read_text() == "0"


def test_a_host_without_such_groups_changes_nothing(tmp_path: Path) -> None:
    assert lowered(tmp_path / "no" / "autogroup") == 7
