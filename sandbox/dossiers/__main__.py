"""`python -m sandbox.dossiers`: fills a dossier database with years of dossiers, or simulates its life."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from sandbox.dossiers.fill import UNTIL, Past, fill
from sandbox.dossiers.habits import Habits
from sandbox.dossiers.life import Life
from sandbox.dossiers.living import LivingDossiers

_ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
_SIZES = {"k": 1_000, "m": 1_000_000}


def main() -> None:
    options = _parser().parse_args()
    if not options.url:
        sys.exit("Which database? Give --url or set HCC_DOSSIER_URL.")
    options.run(options)


def size(word: str) -> int:
    """Parse a number such as '10k', '1M' or '2500'. Raises `ValueError`."""
    factor = _SIZES.get(word[-1:].lower(), 1)
    return int(float(word[:-1] if factor > 1 else word) * factor)


def _fill(options: argparse.Namespace) -> None:
    began = time.monotonic()
    past = Past(options.dossiers, options.seed, options.until)
    fill(options.url, past, lambda what: print(f"{time.monotonic() - began:6.1f} s  {what}", flush=True))
    print(f"{time.monotonic() - began:6.1f} s  {options.dossiers} dossiers of {past.days} days")


def _live(options: argparse.Namespace) -> None:
    habits = Habits(per_day=options.per_day, haste=options.haste)
    start = options.start or _local_now()
    with closing(LivingDossiers(options.url)) as dossiers:
        life = Life(dossiers, start=start, seed=options.seed, habits=habits)
        until = start + timedelta(days=options.days)
        try:
            life.run(until, _real_time(life) if options.start is None else lambda _: None)
        except KeyboardInterrupt:
            pass
        finally:
            life.close()
        _tell(life, options.truth)


def _real_time(life: Life) -> Callable[[datetime], None]:
    """Return a function that waits until the time of each step and prints the progress once a minute."""
    told = time.monotonic()

    def pause(at: datetime) -> None:
        nonlocal told
        time.sleep(max(0.0, (at - _local_now()).total_seconds()))
        if time.monotonic() - told > 60:  # noqa: PLR2004 (a minute)
            told = time.monotonic()
            print(f"{at:%H:%M:%S}  {life.steps} steps, {len(life.truth.may)} events", flush=True)

    return pause


def _tell(life: Life, path: Path | None) -> None:
    kinds = Counter(key.split("/")[1] for key in life.truth.must)
    told = ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items()))
    print(f"{life.steps} steps until {life.now:%Y-%m-%d %H:%M}; must be told: {told or 'nothing'}")
    if path:
        path.write_text(json.dumps({"must": sorted(life.truth.must), "may": sorted(life.truth.may)}, indent=1))


def _local_now() -> datetime:
    return datetime.now(_ZONE).replace(tzinfo=None)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox.dossiers",
        description="A dossier database in the reference schema, empty or as this program left it.",
    )
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--url", default=os.environ.get("HCC_DOSSIER_URL"), help="default: HCC_DOSSIER_URL")
    common.add_argument("--seed", type=int, default=1, help="the same seed does the same things (default: 1)")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    filling = commands.add_parser("fill", parents=[common], help="years of old dossiers, some 15 s a million")
    filling.add_argument("--dossiers", type=size, default=size("1M"), help="how many: 10k, 1M, 10M (default: 1M)")
    filling.add_argument("--until", type=datetime.fromisoformat, default=UNTIL, help="the day after the last one")
    filling.set_defaults(run=_fill)

    living = commands.add_parser("live", parents=[common], help="people file, desks accept, jobs come by night")
    living.add_argument("--per-day", type=size, default=3_000, help="filings on a working day (default: 3000)")
    living.add_argument("--days", type=float, default=365, help="for how long; Ctrl-C ends it, too (default: 365)")
    living.add_argument("--haste", type=float, default=1, help="shorten the waiting within a dossier's life so often")
    living.add_argument(
        "--start",
        type=datetime.fromisoformat,
        help="live from this local time on as fast as it goes (default: now, in real time)",
    )
    living.add_argument(
        "--truth", type=Path, metavar="FILE", help="write the events that must and may be told, as JSON"
    )
    living.set_defaults(run=_live)
    return parser


if __name__ == "__main__":
    main()
