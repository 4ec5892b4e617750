"""Moves the wall clock of a server while it runs; its monotonic clock stays right, as on a real host.

The library `libfaketime` (Debian: package `faketime`) is preloaded in front of the system's: each call reads the
clock's offset from a file. The file is in the server's data folder, its working folder, where it may read.
"""

from pathlib import Path

LIBRARY = "faketime/libfaketimeMT.so.1"
PLACES = ("/usr/lib", "/usr/local/lib")
ENV = Path("/usr/bin/env")
FILE = "clock"


def library() -> Path | None:
    """The path of the library; None if it is not installed."""
    found = (path for place in PLACES for pattern in (LIBRARY, f"*/{LIBRARY}") for path in Path(place).glob(pattern))
    return next(found, None)


def why_no_clock() -> str:
    """Why no server's clock can be moved here; empty if it can."""
    if not Path("/proc/self/cwd").exists() or not ENV.exists():
        return "only Linux lets a server's clock be moved"
    return "" if library() else "libfaketime is not installed (Debian: apt-get install faketime)"


def prefix() -> list[str]:
    """Words in front of a command that make its clock movable.

    `env` sets the variables for the server alone: the library keeps state of the account under which it starts.
    """
    return [
        str(ENV),
        f"LD_PRELOAD={library()}",
        f"FAKETIME_TIMESTAMP_FILE=/proc/self/cwd/{FILE}",
        "FAKETIME_NO_CACHE=1",
        "FAKETIME_DONT_FAKE_MONOTONIC=1",
        "NO_FAKE_STAT=1",
    ]


def move(data: Path, seconds: float) -> None:
    """Set how many seconds the server of this data folder is ahead, from now on, by an atomic replacement."""
    new = data / f"{FILE}.new"
    new.write_text(f"{seconds:+.3f}\n")
    new.chmod(0o644)
    new.replace(data / FILE)


def forget(pid: int) -> None:
    """Remove the shared memory that the library leaves behind when its process is killed."""
    for name in (f"faketime_shm_{pid}", f"sem.faketime_sem_{pid}"):
        Path("/dev/shm", name).unlink(missing_ok=True)  # noqa: S108 (named by the library)
