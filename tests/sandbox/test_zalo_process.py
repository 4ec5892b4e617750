"""The process: where it listens, how it is down, how it ends."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from sandbox.zalo.client import SandboxZalo, SandboxZaloError

PROJECT = Path(__file__).parents[2]


def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def answers(zalo: SandboxZalo) -> bool:
    try:
        return requests.get(zalo.api_url + "/v2.0/oa/getoa", timeout=5).ok
    except requests.ConnectionError:
        return False


def runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_where_it_listens_and_ends_without_a_word(tmp_path: Path, number: signal.Signals) -> None:
    """The ready file is whole when it is there; the end is clean, with a connection open."""
    ready = tmp_path / "ready.json"
    process = subprocess.Popen(
        [sys.executable, "-m", "sandbox.zalo", "--port", "0", "--control-port", "0", "--ready", str(ready)],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    until(ready.exists)
    facts = json.loads(ready.read_text())
    assert set(facts) == {"api_url", "control_url", "pid"}
    assert facts["pid"] == process.pid

    with requests.Session() as session:
        assert session.get(facts["api_url"] + "/v2.0/oa/getoa", timeout=5).json()["error"] == -216
        assert session.get(facts["control_url"] + "/stats", timeout=5).json()["accepted"] == 0
        process.send_signal(number)
        said, _ = process.communicate(timeout=10)

    assert (process.returncode, said) == (0, b"")


def test_it_listens_where_it_is_told_and_runs_as_it_is_told() -> None:
    """The API and the control may have addresses of their own; words before the command leave it its process id."""
    with SandboxZalo(prefix=("env", "HCC_MARK=here"), host="127.0.0.2", control_host="127.0.0.3") as zalo:
        assert zalo.api_url.startswith("http://127.0.0.2:")
        assert zalo.control_url.startswith("http://127.0.0.3:")
        assert answers(zalo)
        assert zalo.stats()["up"] is True
        assert "HCC_MARK=here" in Path(f"/proc/{zalo.pid}/environ").read_text().split("\0")

        zalo.down()
        zalo.up()
        assert answers(zalo)


def test_it_is_down_and_up_again_on_its_port() -> None:
    """Connections are refused, control answers, and the same address works again."""
    with SandboxZalo() as zalo:
        assert answers(zalo)

        zalo.down()
        with pytest.raises(requests.ConnectionError, match="refused"):
            requests.get(zalo.api_url, timeout=5)
        assert zalo.stats()["up"] is False

        zalo.up()
        assert answers(zalo)


def test_it_comes_back_by_itself_after_so_many_seconds() -> None:
    """A short outage needs no second order; an open connection is reset by it."""
    with SandboxZalo() as zalo, requests.Session() as session:
        assert session.get(zalo.api_url + "/v2.0/oa/getoa", timeout=5).ok

        began = time.monotonic()
        zalo.down(0.5)

        with pytest.raises(requests.ConnectionError):
            session.get(zalo.api_url + "/v2.0/oa/getoa", timeout=5)
        until(lambda: answers(zalo))
        assert time.monotonic() - began >= 0.5


def test_it_does_not_outlive_a_parent_that_is_killed() -> None:
    """Whoever started it may die of anything."""
    script = (
        "import time; from sandbox.zalo.client import SandboxZalo\n"
        "print(SandboxZalo().start().pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", script], cwd=PROJECT, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert runs(pid)
        parent.kill()

    until(lambda: not runs(pid))


def test_the_end_is_quiet_also_after_faults() -> None:
    """Broken connections leave no traceback behind."""
    with SandboxZalo(everybody_known=True) as zalo:
        body = {"recipient": {"user_id": "4611686018427390011"}, "message": {"text": "a"}}
        headers = {"access_token": zalo.mint_tokens()["access_token"]}
        for kind in ("reset_before", "reset_after", "empty", "garbage", "cut_short"):
            zalo.fault(kind, count=1)
            with pytest.raises(requests.RequestException):
                requests.post(zalo.api_url + "/v3.0/oa/message/cs", json=body, headers=headers, timeout=5)
        log = Path(zalo._folder.name, "log")
        zalo.down()
        os.kill(zalo.pid, signal.SIGTERM)
        until(lambda: not runs(zalo.pid))

        assert log.read_text() == ""


def test_a_start_that_fails_tells_why() -> None:
    """What the process said is in the error."""
    with pytest.raises(SandboxZaloError, match="unrecognized arguments: --no-such-option"):
        SandboxZalo(no_such_option=1).start()
