"""The Python interface of the stand-in: starts the process, calls its control, ends it."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import requests

START_SECONDS = 20.0
STOP_SECONDS = 5.0
ANSWER_SECONDS = 60.0
LOOK_SECONDS = 0.01
PROJECT = Path(__file__).parents[2]

_PROGRAM = (sys.executable, "-m", "sandbox.zalo")

Json = dict[str, Any]


class SandboxZaloError(RuntimeError):
    """The stand-in did not start, or refused an order."""


def launch(command: Sequence[str], log: IO[bytes]) -> subprocess.Popen[bytes]:
    """Start a stand-in in a session of its own, with its output in the log."""
    return subprocess.Popen(  # noqa: S603 (our own program)
        command, cwd=PROJECT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
    )


class SandboxZalo:
    """A running stand-in. Options are those of the command line: `SandboxZalo(latency_ms=50, everybody_known=True)`.

    `prefix` is put in front of its command, for example to run it in a network namespace; it must keep the process id.
    The stand-in ends with `stop`, at the end of the `with`, or when this process has ended, however it ended.
    """

    def __init__(self, *, prefix: Sequence[str] = (), **options: str | float | bool) -> None:
        self._prefix = prefix
        self._options = options
        self._folder = tempfile.TemporaryDirectory(prefix="sandbox-zalo-")
        self._session = requests.Session()
        self._session.trust_env = False  # a proxy from the environment cannot reach our ports
        self._process: subprocess.Popen[bytes] | None = None
        self.api_url = self.control_url = ""

    def start(self) -> Self:
        """Start it and wait until it listens. Raises SandboxZaloError with its output if it does not."""
        log, ready = Path(self._folder.name, "log"), Path(self._folder.name, "ready.json")
        command = [*_PROGRAM, "--ready", str(ready), "--parent", str(os.getpid()), *_flags(self._options)]
        with log.open("wb") as output:
            self._process = launch([*self._prefix, *command], output)
        facts = self._wait_for(ready, log)
        self.api_url, self.control_url = facts["api_url"], facts["control_url"]
        return self

    def stop(self) -> int | None:
        """End it; returns its exit code, None if it was not running."""
        process, self._process = self._process, None
        self._session.close()
        code = _end(process) if process else None
        self._folder.cleanup()
        return code

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        if self._process is None:
            raise SandboxZaloError("the stand-in is not running")
        return self._process.pid

    def mint_tokens(self, **order: Any) -> Json:
        """A new pair for App and OA, as in a reply of the token endpoint; `hcc oa import` reads it."""
        tokens: Json = self._ask("POST", "/tokens", order)
        return tokens

    def expire_tokens(self) -> None:
        """End all access tokens; the refresh tokens stay."""
        self._ask("POST", "/tokens/expire")

    def kill_grant(self) -> None:
        """End access and refresh tokens alike."""
        self._ask("DELETE", "/tokens")

    def people(self, people: Iterable[Mapping[str, Any]]) -> None:
        self._ask("POST", "/people", [dict(person) for person in people])

    def templates(self, templates: Iterable[Mapping[str, Any]]) -> None:
        self._ask("POST", "/templates", [dict(template) for template in templates])

    def messages(self, since: int = 0, wait: float = 0, user_id: str | None = None) -> list[Json]:
        """All messages accepted after number `since`; waits up to `wait` seconds for the first."""
        query: Json = {"since": since, "wait": wait} | ({} if user_id is None else {"user_id": user_id})
        found: list[Json] = []
        while True:
            page = self._ask("GET", "/messages", query=query)
            found += page["messages"]
            if page["next"] >= page["last"]:
                return found
            query |= {"since": page["next"], "wait": 0}

    def age_messages(self, seconds: float) -> None:
        """Make all accepted messages older by so many seconds."""
        self._ask("POST", "/messages/age", {"seconds": seconds})

    def fault(self, kind: str, **fields: Any) -> Json:
        """Switch a fault on: `fault("reset_after", count=3)`; returns its state, with its `id`."""
        faults: list[Json] = self._ask("POST", "/faults", {"kind": kind, **fields})
        return faults[0]

    def faults(self) -> list[Json]:
        """The faults that are on, with their `hits`."""
        return list(self._ask("GET", "/faults"))

    def clear_faults(self) -> None:
        self._ask("DELETE", "/faults")

    def down(self, seconds: float | None = None) -> None:
        """Refuse connections for so many seconds, or until `up`."""
        self._ask("POST", "/down", {"seconds": seconds})

    def up(self) -> None:
        self._ask("POST", "/up")

    def clock(self, **order: Any) -> None:
        """Set the clock by `now`, `advance` (seconds) and `stopped`; without arguments it shows the real time again."""
        self._ask("POST", "/clock", order)

    def switch(self, **changes: Any) -> Json:
        switches: Json = self._ask("POST", "/switches", changes)
        return switches

    def stats(self) -> Json:
        stats: Json = self._ask("GET", "/stats")
        return stats

    def event(self, event: str, url: str, **order: Any) -> Json:
        """Apply an event to the state and send it, signed, to `url`."""
        sent: Json = self._ask("POST", "/events", {"event": event, "url": url, **order})
        return sent

    def reset(self) -> None:
        """Reset to the initial state; tokens stay valid."""
        self._ask("POST", "/reset")

    def _ask(self, method: str, path: str, order: Any = None, query: Json | None = None) -> Any:
        answer = self._session.request(
            method, self.control_url + path, json=order, params=query, timeout=ANSWER_SECONDS + 5
        )
        if not answer.ok:
            raise SandboxZaloError(f"{method} {path}: {answer.text}")
        return answer.json()

    def _wait_for(self, ready: Path, log: Path) -> Json:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process is not None and self._process.poll() is None:
            if ready.exists():
                facts: Json = json.loads(ready.read_text(encoding="utf-8"))
                return facts
            time.sleep(LOOK_SECONDS)
        said = log.read_text(encoding="utf-8", errors="replace")
        self.stop()
        raise SandboxZaloError(f"the stand-in did not start:\n{said}")


def _flags(options: Mapping[str, str | float | bool]) -> list[str]:
    flags: list[str] = []
    for name, value in options.items():
        flag = "--" + name.replace("_", "-")
        if value is True:
            flags.append(flag)
        elif value is not False:
            flags += [flag, str(value)]
    return flags


def _end(process: subprocess.Popen[bytes]) -> int:
    process.terminate()
    try:
        return process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()
