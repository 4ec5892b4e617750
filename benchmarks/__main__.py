"""`python -m benchmarks`: runs all benchmarks, one after the other, each in its own process."""

from __future__ import annotations

import subprocess
import sys

BENCHMARKS = (
    "rivalry",
    "profile",
    "delay",
    "growth",
    "idle",
    "hooks",
    "ledger",
    "poll",
    "start",
    "last_look",
    "console",
    "reports",
)


def main() -> None:
    for name in BENCHMARKS:
        print(f"── benchmarks.{name}", flush=True)
        subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=True)  # noqa: S603 (our own)


if __name__ == "__main__":
    main()
