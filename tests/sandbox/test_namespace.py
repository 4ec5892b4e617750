"""A network namespace: a server in it can be reached, falls silent, and leaves nothing behind."""

import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from sandbox.network import Namespace, namespace, why_no_namespace
from sandbox.zalo.client import SandboxZalo

PROJECT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(bool(why_no_namespace()), reason=why_no_namespace())

# Makes a namespace with a Zalo in it, tells the names, and waits to be killed.
MAKER = """
import time
from sandbox.network import Namespace
from sandbox.zalo.client import SandboxZalo
with Namespace() as made, SandboxZalo(prefix=made.prefix, host=made.host, control_host=made.control_host) as zalo:
    print(made.link(), zalo.pid, flush=True)
    time.sleep(60)
"""


def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def links() -> set[str]:
    """The names of all links of this host."""
    return {path.name for path in Path("/sys/class/net").iterdir()}


def runs(pid: str) -> bool:
    """Whether it does; one that nobody has buried yet does not."""
    status = Path("/proc", pid, "status")
    return status.exists() and "\nState:\tZ" not in status.read_text()


def connect(zalo: SandboxZalo) -> socket.socket:
    to = urlsplit(zalo.api_url)
    return socket.create_connection((to.hostname, to.port), 10)


def test_zalo_in_a_namespace_answers_is_silent_and_answers_again() -> None:
    """Control is always heard; a request that left in the silence is answered after it, on the same connection."""
    with (
        Namespace() as made,
        SandboxZalo(prefix=made.prefix, host=made.host, control_host=made.control_host) as zalo,
        requests.Session() as session,
    ):
        session.trust_env = False
        url = zalo.api_url + "/v2.0/oa/getoa"
        assert session.get(url, timeout=5).json()["error"] == -216
        with connect(zalo) as client:
            made.silence()
            client.sendall(b"GET /v2.0/oa/getoa HTTP/1.1\r\nHost: zalo\r\n\r\n")
            with pytest.raises(requests.ConnectTimeout):
                requests.get(url, timeout=0.5)
            assert zalo.stats()["requests"] == {"/v2.0/oa/getoa": 1}
            made.speak()
            client.settimeout(20)
            assert client.recv(100).startswith(b"HTTP/1.1 200")
        assert session.get(url, timeout=5).json()["error"] == -216


def test_two_at_a_time_do_not_meet() -> None:
    """Each has links and addresses of its own."""
    before = links()
    with Namespace() as one, Namespace() as two:
        assert len({one.host, one.control_host, two.host, two.control_host}) == 4
        assert len(links() - before) == 4
    assert links() == before


def test_nothing_is_left_of_one_whose_maker_was_killed() -> None:
    """Neither links nor processes: the kernel forgets a namespace that nobody is in."""
    with subprocess.Popen([sys.executable, "-c", MAKER], cwd=PROJECT, stdout=subprocess.PIPE, text=True) as maker:
        assert maker.stdout is not None
        link, pid = maker.stdout.readline().split()
        assert link in links()
        maker.kill()
    until(lambda: link not in links())
    until(lambda: not runs(pid))


def test_without_the_tools_it_says_which_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bare machine is told what it lacks."""
    monkeypatch.setattr(namespace, "TOOLS", ("ip", "no-such-tool"))
    with pytest.raises(namespace.NamespaceError, match="no-such-tool is not installed"), Namespace():
        pass
