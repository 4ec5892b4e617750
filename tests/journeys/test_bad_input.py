"""Bad input: each a clear sentence, an outcome or an exit code; nothing lost, nothing looped."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from config.settings import ROOT
from operators.cli.exits import ExitCode
from tests.journeys.conftest import MORNING, World, until

pytestmark = pytest.mark.journey


def hcc(world: World, *arguments: str, stdin: str = "", **changes: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in this world."""
    environment = {**os.environ, **world.environment, **changes}
    command = [str(Path(sys.executable).with_name("hcc")), *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=environment, input=stdin, capture_output=True, text=True, timeout=60, check=False
    )


def test_an_unknown_source_column_is_named_and_nothing_is_recorded(world: World, tmp_path: Path) -> None:
    """A mapping that does not fit the database fails with the column, not with a traceback."""
    mapping = (ROOT / "config/sources/reference.toml").read_text().replace("h.ngay_tiep_nhan ", "h.ngay_tiep_nhna ")
    (tmp_path / "wrong.toml").write_text(mapping)
    world.accept(1)
    ended = hcc(world, "poll", "--once", HCC_SOURCE=str(tmp_path / "wrong.toml"))
    assert ended.returncode == 1
    assert "ngay_tiep_nhna" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert world.states() == {}
    assert hcc(world, "poll", "--once").returncode == 0
    assert len(world.states()) == 1


def test_an_unreachable_dossier_database_is_a_sentence_and_an_exit_code(world: World) -> None:
    """The source is away: said clearly, and the next poll finds everything."""
    ended = hcc(world, "poll", "--once", HCC_DOSSIER_URL="postgresql://hcc@127.0.0.1:1/none")
    assert ended.returncode == ExitCode.AWAY
    assert "CSDL hồ sơ" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_an_unreachable_ledger_is_a_sentence_and_an_exit_code(world: World) -> None:
    """The ledger is away: said clearly."""
    ended = hcc(world, "dossier", "H27", HCC_DATABASE_URL="postgresql://hcc@127.0.0.1:1/none")
    assert ended.returncode == ExitCode.AWAY
    assert "sổ thông báo (HCC_DATABASE_URL)" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_poll_records_while_redis_is_down_and_the_bell_is_made_good(world: World) -> None:
    """Law 1: the bell may be lost; the notice is in the ledger and goes out when Redis is there."""
    world.follow(1)
    world.accept(1)
    ended = hcc(world, "poll", "--once", HCC_REDIS_URL="redis://127.0.0.1:1/0")
    assert ended.returncode == 0, ended.stderr
    assert set(world.states().values()) == {"due"}
    world.start("worker", "beat")
    world.messages(1)


def test_a_worker_that_starts_before_redis_waits_for_it(world: World) -> None:
    """Redis down at start is said and waited out; nothing has to be started again by hand."""
    world.follow(1)
    world.accept(1)
    world.servers.valkey.stop()
    running = world.start("worker", "beat")
    until(lambda: "Cannot connect" in running.log("worker").read_text(), "the worker to say so", world=world)
    world.servers.valkey.start()
    world.messages(1, seconds=60)


def test_a_wrong_token_stops_the_channel_and_no_notice_dies(world: World) -> None:
    """A dead grant is said aloud; notices wait, and `hcc oa import` brings everything back by itself."""
    world.follow(1)
    world.zalo.kill_grant()
    running = world.start("worker", "beat")
    world.accept(1)
    until(lambda: "token grant lost" in running.log("worker").read_text(), "the alarm", world=world)
    assert set(world.states().values()) == {"due"}
    assert hcc(world, "doctor").returncode == 1
    fresh = world.zalo.mint_tokens()

    assert hcc(world, "oa", "import", stdin=json.dumps(fresh)).returncode == 0
    world.messages(1)


def test_a_token_reply_that_is_an_error_is_never_stored(world: World) -> None:
    """An error reply or garbage leaves the stored pair alone."""
    for reply in ('{"error": -14014, "error_name": "Invalid refresh token."}', "<html>", '{"access_token": "a"}'):
        ended = hcc(world, "oa", "import", stdin=reply)
        assert ended.returncode == 1
        assert "Không nhập được" in ended.stderr
    assert world.rows("SELECT version FROM credentials") == [(1,)]


def test_a_dossier_without_a_phone_is_recorded_with_the_reason(world: World) -> None:
    """R9, R38: nobody can be told, and an operator sees why."""
    code = "H27.37-240219-0009"
    world.dossiers.file(code, phone=None, at=MORNING)
    world.dossiers.accept(code, at=MORNING, appointment=MORNING + timedelta(days=7))
    world.start("worker", "beat")
    until(lambda: set(world.states().values()) == {"unreachable"}, "the notice to be held", world=world)
    ended = hcc(world, "dossier", code, "--json")
    assert ended.returncode == 0, ended.stderr
    assert "no phone number" in ended.stdout


def test_settings_are_reported_all_at_once(world: World) -> None:
    """Wrong and missing settings come together, each with what to do."""
    ended = hcc(world, "doctor", HCC_POLL_SECONDS="soon", HCC_CHANNELS="pigeon", HCC_ZALO_APP_SECRET="")
    assert ended.returncode == 1
    for name in ("HCC_POLL_SECONDS", "HCC_CHANNELS", "HCC_ZALO_APP_SECRET"):
        assert name in ended.stdout


def test_the_doctor_is_content_with_a_sound_world(world: World) -> None:
    """Every check passes where everything is right."""
    ended = hcc(world, "doctor")
    assert ended.returncode == 0, ended.stdout + ended.stderr
