"""What servers that are not ours have in common here: a folder that goes with the test, and an end no later than it."""

from __future__ import annotations

import shutil
import signal
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sandbox.servers.child import Child


@contextmanager
def private_folder(name: str) -> Iterator[Path]:
    """A new folder; gone with the context."""
    folder = Path(tempfile.mkdtemp(prefix=f"hcc-{name}-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def spawn(command: Sequence[str], folder: Path, life: int) -> Child:
    """Start a program in its folder, its words in `out`; it ends at the latest with us. `life`: as `Child` takes it."""
    with (folder / "out").open("ab") as log:
        return Child(
            list(command), account=None, cwd=folder, log=log.fileno(), life=life, death_signal=signal.SIGTERM
        )  # fmt: skip
