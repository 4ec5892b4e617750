"""`python -m benchmarks`: all of them, one after the other, each in a process of its own."""

from __future__ import annotations

import subprocess
import sys

BENCHMARKS = ("poll", "start", "delay", "hooks", "ledger")


def main() -> None:
    for name in BENCHMARKS:
        print(f"── benchmarks.{name}", flush=True)
        subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=True)  # noqa: S603 (our own)


if __name__ == "__main__":
    main()
