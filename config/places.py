"""Where the project's files are. It imports nothing, so that shell completion may use it."""

from __future__ import annotations

from pathlib import Path

INSTALLED = Path(__file__).resolve().parent.parent
"""The folder of our files: a checkout, or the folder into which the wheel was installed."""

ROOT = INSTALLED if (INSTALLED / "pyproject.toml").is_file() else Path.cwd()
"""The folder in which `.env` is read and `var/` is written: the checkout or, with the wheel, the current folder."""
