"""`python -m benchmarks`: all of them, one after the other, each in a process of its own."""

from __future__ import annotations

import subprocess
import sys

BENCHMARKS = ("rivalry", "profile", "delay", "growth", "idle", "hooks", "ledger", "poll", "start", "last_look")


def main() -> None:
    for name in BENCHMARKS:
        print(f"── benchmarks.{name}", flush=True)
        subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=True)  # noqa: S603 (our own)


if __name__ == "__main__":
    main()
