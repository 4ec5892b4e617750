# ruff: noqa: INP001 (a folder for PYTHONPATH, not a package)
"""Adds the stand-in's authority to those of `certifi`, in a process that has this folder in its PYTHONPATH.

Python imports this file at its start. The whole bundle and this authority are written to one file, so that verification
costs as much as usual.
"""

from __future__ import annotations

import os
from pathlib import Path

import certifi

_authority = Path(os.environ["BENCH_CA_FILE"])
_bundle = _authority.with_name(f"bundle-{os.getpid()}.pem")
_bundle.write_bytes(Path(certifi.where()).read_bytes() + _authority.read_bytes())


def where() -> str:
    """The file that `certifi.where()` returns from now on."""
    return str(_bundle)


certifi.where = where
