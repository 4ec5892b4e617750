"""The wall clock of a server, which can be moved while it runs; its monotonic clock stays right, as a host's does.

The library `libfaketime` (Debian: package `faketime`) stands before the system's: each call reads from a file how far
the clock is off. The file lies in the server's data folder, which is where the server runs and may read.
"""

from pathlib import Path

LIBRARY = "faketime/libfaketimeMT.so.1"
PLACES = ("/usr/lib", "/usr/local/lib")
ENV = Path("/usr/bin/env")
FILE = "clock"


def library() -> Path | None:
    """Where it is installed; None where it is not."""
    found = (path for place in PLACES for pattern in (LIBRARY, f"*/{LIBRARY}") for path in Path(place).glob(pattern))
    return next(found, None)


def why_no_clock() -> str:
    """Why no server's clock can be moved here; empty where it can."""
    if not Path("/proc/self/cwd").exists() or not ENV.exists():
        return "only Linux lets a server's clock be moved"
    return "" if library() else "libfaketime is not installed (Debian: apt-get install faketime)"


def prefix() -> list[str]:
    """Words before a command that make its clock movable.

    `env` sets them for the server alone: the library keeps something of the account that it starts under.
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
    """Let the clock of the server of this folder be ahead by so much, from now on; whole or not at all."""
    new = data / f"{FILE}.new"
    new.write_text(f"{seconds:+.3f}\n")
    new.chmod(0o644)
    new.replace(data / FILE)


def forget(pid: int) -> None:
    """Remove what the library leaves in memory when its process is killed."""
    for name in (f"faketime_shm_{pid}", f"sem.faketime_sem_{pid}"):
        Path("/dev/shm", name).unlink(missing_ok=True)  # noqa: S108 (named by the library)
