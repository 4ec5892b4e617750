"""`hcc up` with real processes: one at a time, ended by whatever ends it, and what it is told when it cannot begin."""

from __future__ import annotations

import os
import pty
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from config.settings import ROOT
from sandbox.servers.files import candidate_ports
from tests.operators.checkouts import end, left_behind, start, until

pytestmark = pytest.mark.journey


@pytest.fixture
def port() -> str:
    """A free one for the web."""
    return str(next(candidate_ports(None)))


def console_of(checkout: Path) -> str:
    """The address of the console that it printed."""
    found = re.search(r"Bàn điều khiển: (http://\S+)", (checkout / "said").read_text())
    assert found
    return found[1]


@pytest.fixture
def running(checkout: Path, port: str) -> Iterator[subprocess.Popen[str]]:
    """An `hcc up` whose web answers; its output goes to a file."""
    with (checkout / "said").open("w") as said:
        up = start(checkout, "up", "--port", port, stdout=said)
    try:
        until(lambda: serves(port) or up.poll() is not None, "hcc up", 120)
        assert up.poll() is None, (checkout / "said").read_text()
        yield up
    finally:
        if up.poll() is None:
            end(up)


def serves(port: str) -> bool:
    return answers(f"http://127.0.0.1:{port}")


def answers(address: str) -> bool:
    try:
        return requests.get(f"{address}/healthz", timeout=2).ok
    except (requests.ConnectionError, requests.Timeout):
        return False


def refused(checkout: Path, *words: str, **given: str) -> str:
    """What a command says that ends with status 1 and no traceback."""
    command = start(checkout, *words, **given)
    said, _ = command.communicate(timeout=60)
    assert command.returncode == 1, said
    assert "Traceback" not in said
    assert "ngoài dự kiến" not in said
    return said


def test_ctrl_c_ends_everything_in_order(checkout: Path, running: subprocess.Popen[str]) -> None:
    """Workers, servers and Zalo alike; the world of before is forgotten. Others here end by SIGHUP and SIGTERM."""
    end(running, signal.SIGINT)
    assert running.returncode == 130
    until(lambda: left_behind(checkout) == [], f"the end of all: {left_behind(checkout)}", 5)
    assert not (checkout / "var/up.env").exists()
    said = (checkout / "said").read_text()
    assert "Traceback (most recent" not in said
    assert re.search(r"Web .*http://127.0.0.1:\d+\n.*Bàn điều khiển: http://127.0.0.1:\d+\n", said)


def test_the_end_of_its_terminal_leaves_nothing_behind(checkout: Path, port: str) -> None:
    """The terminal is gone: whoever still writes to it gets a fault."""
    master, slave = pty.openpty()
    with os.fdopen(slave, "w") as terminal:
        up = start(checkout, "up", "--port", port, stdout=terminal)
    with os.fdopen(master, "rb", buffering=0) as screen:
        while not serves(port):
            screen.read(1 << 16)
        os.kill(up.pid, signal.SIGHUP)
    up.wait(60)
    assert up.returncode == 130
    until(lambda: left_behind(checkout) == [], f"the end of all: {left_behind(checkout)}", 5)


def test_who_reads_no_more_of_it_leaves_nothing_behind(checkout: Path, port: str) -> None:
    """`hcc up | head`."""
    up = start(checkout, "up", "--port", port)
    assert up.stdout is not None
    for line in up.stdout:
        if "web" in line:
            break
    up.stdout.close()
    until(lambda: serves(port) or up.poll() is not None, "the web")
    up.wait(90)  # what worker and beat say by themselves meets the closed pipe
    assert not serves(port)
    until(lambda: left_behind(checkout) == [], f"the end of all: {left_behind(checkout)}", 5)


def test_it_has_a_console_with_an_administrator_of_this_run(checkout: Path, running: subprocess.Popen[str]) -> None:
    """On the sandbox: the address and the password that were printed open it. It ends with everything else."""
    address = console_of(checkout)
    until(lambda: answers(address), "the console")
    found = re.search(r"đăng nhập thử: (\S+), mật khẩu của lần chạy này: (\S+)", (checkout / "said").read_text())
    assert found
    with requests.Session() as browser:
        page = browser.get(f"{address}/sign-in", timeout=20).text
        token = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page)[0]
        form = {"login": found[1], "password": found[2], "csrfmiddlewaretoken": token}
        signed_in = browser.post(f"{address}/sign-in", form, timeout=20)
        assert "Tra cứu hồ sơ" in signed_in.text
        assert browser.get(f"{address}/dossiers/H27-1", timeout=20).ok


def test_a_second_one_says_that_one_runs_and_leaves_it_alone(
    checkout: Path, running: subprocess.Popen[str], port: str
) -> None:
    """The lock's file that stays behind does not keep the next one from starting."""
    assert "`hcc up` đang chạy rồi" in refused(checkout, "up")
    assert serves(port)
    assert (checkout / "var/up.env").exists()
    end(running)
    assert (checkout / "var/up.lock").exists()
    with (checkout / "said").open("w") as said:
        again = start(checkout, "up", "--port", port, stdout=said)
    until(lambda: serves(port) or again.poll() is not None, "the next one")
    end(again)
    assert again.returncode == 143


def test_commands_beside_it_live_in_its_world_also_with_a_copied_example(checkout: Path, port: str) -> None:
    """Of an example of before, too, which named the hosts of real Zalo: the sandbox never meets those."""
    real = "HCC_ZALO_OPENAPI_URL=https://openapi.zalo.me\nHCC_ZALO_OAUTH_URL=https://oauth.zaloapp.com\n"
    (checkout / ".env").write_text((ROOT / ".env.example").read_text() + real)
    with (checkout / "said").open("w") as said:
        up = start(checkout, "up", "--port", port, stdout=said)
    try:
        until(lambda: serves(port) or up.poll() is not None, "hcc up")
        told, _ = start(checkout, "doctor").communicate(timeout=60)
        assert "Zalo nhanh" in told or "Zalo chậm" in told, told
        assert "Mọi thứ sẵn sàng." in told
    finally:
        end(up)


def test_a_copied_example_alone_sets_nothing(checkout: Path) -> None:
    """Each command works as without it."""
    (checkout / ".env").write_text((ROOT / ".env.example").read_text())
    for words in (("preview", "accepted"), ("migrate",), ("dead", "list")):
        command = start(checkout, *words)
        said, _ = command.communicate(timeout=60)
        assert command.returncode == 0, (words, said)


def test_a_port_that_is_taken_is_a_sentence(checkout: Path) -> None:
    """Before anything is started."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = str(other.getsockname()[1])
        for words in (("up",), ("web",)):
            said = refused(checkout, *words, PORT=taken)
            assert f"Cổng {taken} đang có chương trình khác dùng" in said
            assert "--port" in said
    assert not (checkout / "var/servers").exists()


def test_keys_that_open_nothing_of_what_is_there_are_a_sentence(checkout: Path, port: str) -> None:
    """First the embedded key, then one of one's own: everything that was sealed would be lost."""
    (checkout / "links").write_text('{"user_id": "6142494823000000001", "phone": "+84978362918"}\n')
    command = start(checkout, "follower", "link", "-", before="import sys; sys.stdin = open('links')")
    said, _ = command.communicate(timeout=60)
    assert command.returncode == 0, said
    said = refused(checkout, "up", "--port", port, HCC_SECRET_KEYS="another-key-of-32-characters----")
    assert "HCC_SECRET_KEYS không mở được" in said
    assert "số điện thoại" in said
    assert "var/secret_keys" in said
    said = refused(checkout, "follower", "list", HCC_SECRET_KEYS="another-key-of-32-characters----")
    assert "HCC_SECRET_KEYS không mở được" in said
    assert left_behind(checkout) == []


@pytest.mark.parametrize(
    "given",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"PYTHONIOENCODING": "latin-1"},
        {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
    ],
)
def test_an_output_that_cannot_show_vietnamese_is_told_without_accents(checkout: Path, given: dict[str, str]) -> None:
    """Whatever the command is: what it says could not be read."""
    said = refused(checkout, "switch", "list", **given)
    assert said.strip().isascii()
    assert "PYTHONIOENCODING=utf-8" in said


def test_where_messages_go_to_real_zalo_embedded_servers_are_refused(checkout: Path) -> None:
    """A forgotten URL must not begin another ledger."""
    real = {"HCC_ZALO_APP_ID": "1", "HCC_ZALO_APP_SECRET": "s", "HCC_ZALO_OA_ID": "4024926008133882615"}
    for words in (("up",), ("dead", "list")):
        said = refused(checkout, *words, **real)
        assert "HCC_DATABASE_URL, HCC_DOSSIER_URL, HCC_REDIS_URL: chưa đặt" in said
        assert "HCC_EMBEDDED=yes" in said
    assert "HCC_EMBEDDED=yes" in refused(checkout, "migrate", **real, HCC_ZALO_OPENAPI_URL="http://zalo.example")
    assert not (checkout / "var/servers").exists()
    for allowed in ({"HCC_EMBEDDED": "yes"}, {"HCC_ZALO_OPENAPI_URL": "http://127.0.0.2:1"}):
        command = start(checkout, "migrate", **real, **allowed)
        said, _ = command.communicate(timeout=60)
        assert command.returncode == 0, said


def test_where_one_of_several_oas_has_real_zalo_they_are_refused_too(checkout: Path) -> None:
    """Each table may name its own."""
    (checkout / "oas.toml").write_text(
        '[a]\nzalo_oa_id = "1"\nzalo_openapi_url = "http://127.0.0.1:1"\n[b]\nzalo_oa_id = "2"\n'
    )
    given = {"HCC_OAS": str(checkout / "oas.toml"), "HCC_ZALO_APP_ID": "1", "HCC_ZALO_APP_SECRET": "s"}
    assert "HCC_EMBEDDED=yes" in refused(checkout, "migrate", **given)
