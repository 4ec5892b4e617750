"""Removes the files of exports that nobody may need any more."""

from __future__ import annotations

import time
from pathlib import Path

from config.places import ROOT
from ledger.reports.exports import KEPT

EXPORTS = ROOT / "var" / "exports"
"""Where exports are written: files named by their number, for nobody but the owner of the process."""


def remove_old_files(folder: Path) -> int:
    """Remove the files that are older than exports are kept; returns how many."""
    oldest, removed = time.time() - KEPT.total_seconds(), 0
    for file in folder.glob("*"):
        if file.is_file() and file.stat().st_mtime < oldest:
            file.unlink(missing_ok=True)
            removed += 1
    return removed
