"""Identifies what this process is able to read, and since when: its code, its keys, its start.

Workers end and start child processes all the time. All children are forked from one process, which imports this module
first: they share its start and its code, whatever is on the disk by then.
"""

from __future__ import annotations

import time
from hashlib import sha256
from pathlib import Path

from ledger.base.sealing import Sealer
from ledger.zalo.unread import EventReader

_ROOT = Path(__file__).parents[2]
_ROOMS = ("producers/hooks", "domain", "ledger")  # whose code reads and applies events


def _fingerprint() -> bytes:
    """A hash of the code: with other code, an event that failed may succeed."""
    digest = sha256()
    for path in sorted(path for room in _ROOMS for path in (_ROOT / room).rglob("*.py")):
        digest.update(path.relative_to(_ROOT).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.digest()


_CODE, _BEGAN = _fingerprint(), time.monotonic()


def event_reader(sealer: Sealer) -> EventReader:
    """This process as a reader of events, with these keys."""
    return EventReader(sha256(_CODE + b"".join(sorted(sealer.key_ids))).hexdigest()[:16], _BEGAN)
