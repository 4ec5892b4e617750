"""Starts, queries and stops the stand-in from Python."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import requests

from config.settings import ROOT

_START_SECONDS = 20.0
_STOP_SECONDS = 5.0
_ANSWER_SECONDS = 60.0
_LOOK_SECONDS = 0.01


@dataclass(frozen=True, slots=True)
class Count:
    """Counts of messages accepted since the last reset; times in seconds since 1970, None before the first message."""

    accepted: int
    distinct: int
    first: float | None
    last: float | None
    most: int  # maximum number of concurrent sends

    @property
    def duplicates(self) -> int:
        return self.accepted - self.distinct

    @property
    def seconds(self) -> float:
        """The time from the first message to the last."""
        return (self.last or 0.0) - (self.first or 0.0)


class StandIn:
    """A running stand-in. It ends with the `with` block, or when this process ends for any reason."""

    def __init__(self, *, oa: str, latency_ms: float = 50, tls: bool = False) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="bench-zalo-")
        self._flags = ["--oa", oa, "--latency-ms", str(latency_ms), *(["--tls"] if tls else [])]
        self._session = requests.Session()
        self._session.trust_env = False
        self.url = self.tls_url = ""
        self.ca_file = Path()

    def __enter__(self) -> Self:
        ready = Path(self._folder.name, "ready.json")
        os.chmod(self._folder.name, 0o755)  # noqa: S103, PTH101 (everybody may read the authority in it)
        self._process = subprocess.Popen(  # noqa: S603 (our own program)
            [sys.executable, "-m", "benchmarks.standin", "--ready", str(ready), *self._flags],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        until = time.monotonic() + _START_SECONDS
        while not ready.exists():
            if self._process.poll() is not None or time.monotonic() > until:
                self.__exit__()
                raise SystemExit("the stand-in did not start; it needs the extra: pip install '.[bench]'")
            time.sleep(_LOOK_SECONDS)
        facts = json.loads(ready.read_text())
        self.url, self.tls_url = facts["url"], facts.get("tls_url", "")
        self.ca_file = Path(facts.get("ca_file", ""))
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._folder.cleanup()

    @property
    def pid(self) -> int:
        return self._process.pid

    def count(self) -> Count:
        return Count(**self._ask("GET", "count"))

    def moments(self) -> dict[str, float]:
        """The time at which each dossier's first message was accepted (seconds since 1970), by code."""
        return dict(self._ask("GET", "moments"))

    def seconds(self) -> list[tuple[int, int]]:
        """The number of messages accepted in each second; seconds count from 1970."""
        return [(second, number) for second, number in self._ask("GET", "seconds")]

    def reset(self, *, latency_ms: float | None = None) -> None:
        """Reset all counts; nothing may be in flight."""
        self._ask("POST", "reset", None if latency_ms is None else {"latency_ms": latency_ms})

    def _ask(self, method: str, order: str, body: dict[str, float] | None = None) -> Any:
        answer = self._session.request(method, f"{self.url}/bench/{order}", json=body, timeout=_ANSWER_SECONDS)
        answer.raise_for_status()
        return answer.json()
