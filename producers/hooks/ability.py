"""What this process is able to read, and since when: its code, its keys, its start.

Workers end children and start others all the time. All are forked from one process, which imports this page first:
they have its start, and its code, whatever lies on the disk by then.
"""

from __future__ import annotations

import time
from hashlib import sha256
from pathlib import Path

from worker.ledger.sealing import Sealer
from worker.ledger.unread import EventReader

_ROOT = Path(__file__).parents[2]
_ROOMS = ("producers/hooks", "worker/domain", "worker/ledger")  # whose code reads events and draws consequences


def _fingerprint() -> bytes:
    """Of the code: with another code what failed may not fail any more."""
    digest = sha256()
    for path in sorted(path for room in _ROOMS for path in (_ROOT / room).rglob("*.py")):
        digest.update(path.relative_to(_ROOT).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.digest()


_CODE, _BEGAN = _fingerprint(), time.monotonic()


def event_reader(sealer: Sealer) -> EventReader:
    """The reader that this process is, with these keys."""
    return EventReader(sha256(_CODE + b"".join(sorted(sealer.key_ids))).hexdigest()[:16], _BEGAN)
