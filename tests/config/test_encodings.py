"""A database that is not UTF-8 spoils Vietnamese words: said at start, in `hcc doctor` and by `hcc source check`."""

from __future__ import annotations

import itertools
import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from config.oas import Oa
from config.settings import Settings
from domain.letters import Letters
from domain.template_source import source_of_files
from ledger.base.encoding import EncodingError
from ledger.base.engine import open_ledger
from ledger.migrate import migrate
from operators.checks.fault import CheckFault
from operators.checks.ledger import check_ledger
from operators.cli.main import hcc
from producers.dossiers.mapping import SOURCES, load_mapping
from producers.dossiers.source import Source
from producers.services import ProducerServices
from sandbox.dossiers.living import create_schema
from sandbox.servers import Servers
from sandbox.servers.roles import PRODUCT
from worker.services.bootstrap import Services
from worker.services.shared import TEMPLATES

_numbers = itertools.count(1)
KEY = "0123456789abcdef"
OA = "4024926008133882615"


@pytest.fixture
def odd_database(servers: Servers) -> Iterator[str]:
    """The URL of an empty database of any bytes (SQL_ASCII)."""
    name = f"odd_{next(_numbers)}"
    with servers.postgres.connected() as connection:
        connection.execute(
            text(
                f"CREATE DATABASE {name} OWNER {PRODUCT} "
                "ENCODING 'SQL_ASCII' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'"
            )
        )
    yield servers.database_url(name)
    servers.drop_database(name)


def test_an_empty_database_that_is_not_utf_8_becomes_no_ledger(odd_database: str) -> None:
    """It is told before anything stands in it, with the command that makes a good one."""
    engine = open_ledger(odd_database)
    with pytest.raises(EncodingError, match=r"SQL_ASCII, không phải UTF-8.*ENCODING 'UTF8'"):
        migrate(engine)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT to_regclass('notices')")).scalar_one() is None
    engine.dispose()


def test_a_ledger_that_is_not_utf_8_is_told_by_the_doctor_and_in_the_log(
    odd_database: str, redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """One that stands already goes on, and is told."""
    known = {"database_url": odd_database, "redis_url": redis_url, "secret_keys": [KEY], "zalo_oa_id": OA}
    made = Services(Settings(_env_file=None, **known))  # type: ignore[call-arg, arg-type]
    with pytest.raises(CheckFault, match="SQL_ASCII"):
        list(check_ledger(made))
    office = ProducerServices({OA: Oa(OA, OA, made.settings)})
    with caplog.at_level(logging.ERROR):
        assert office.ground.ledger is office.ledger
    assert any("SQL_ASCII" in record.getMessage() for record in caplog.records)
    office.ledger.dispose()
    made.close()


def test_the_host_and_the_role_do_not_decide_in_which_encoding_we_speak(
    ledger_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under PGCLIENTENCODING=LATIN1 a Vietnamese word could neither be written nor read."""
    monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
    source = Source(ledger_url, load_mapping("reference"))
    for engine in (open_ledger(ledger_url), source._engine):
        with engine.connect() as connection:
            assert connection.execute(text("SELECT 'hồ sơ đã hủy' || chr(7913)")).scalar_one() == "hồ sơ đã hủyứ"
            assert connection.execute(text("SHOW client_encoding")).scalar_one() == "UTF8"
        engine.dispose()


def test_a_source_that_is_not_utf_8_is_told_by_source_check_and_once_in_the_log(
    odd_database: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Its words would be met by none of the mapping's."""
    create_schema(f"{odd_database}?client_encoding=utf8")
    source = Source(odd_database, load_mapping("reference"))
    with caplog.at_level(logging.ERROR):
        source.check()
        source.newest()
    source.close()
    assert len([record for record in caplog.records if "SQL_ASCII" in record.getMessage()]) == 1
    monkeypatch.setenv("HCC_DOSSIER_URL", odd_database)
    result = CliRunner().invoke(hcc, ["source", "check", "reference", "--json"])
    assert result.exit_code == 1
    assert any("SQL_ASCII, không phải UTF-8" in fault for fault in json.loads(result.stdout)["faults"])


def test_files_that_people_edit_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    """A mapping, a text, a form and a sample, as Windows' Notepad saves them; no citizen reads the mark."""
    mapping = tmp_path / "marked.toml"
    mapping.write_text((SOURCES / "reference.toml").read_text("utf-8"), "utf-8-sig")
    assert load_mapping(str(mapping)) == load_mapping("reference")
    for name in ("message.txt.j2", "zns.toml", "sample.json"):
        (tmp_path / "accepted").mkdir(exist_ok=True)
        content = (TEMPLATES / "accepted" / name).read_text("utf-8")
        (tmp_path / "accepted" / name).write_text(content, "utf-8-sig")
    plain, marked = Letters(TEMPLATES), Letters(tmp_path)
    assert marked.text("accepted", marked.sample("accepted")) == plain.text("accepted", plain.sample("accepted"))
    assert source_of_files(tmp_path, "accepted") == source_of_files(TEMPLATES, "accepted")


@pytest.fixture
def ours(ledger_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation on this test's ledger."""
    for name in [name for name in os.environ if name.startswith("HCC_")]:
        monkeypatch.delenv(name)
    known = {"DATABASE_URL": ledger_url, "REDIS_URL": redis_url, "SECRET_KEYS": KEY, "ZALO_OA_ID": OA}
    for name, value in known.items():
        monkeypatch.setenv(f"HCC_{name}", value)
    monkeypatch.setenv("HCC_ZALO_APP_ID", "1")
    monkeypatch.setenv("HCC_DOSSIER_URL", ledger_url)


def test_standard_input_may_begin_with_a_byte_order_mark(ours: None) -> None:
    """PowerShell writes one before a token reply, and before the lines of followers that another system exported."""
    reply = json.dumps({"access_token": "a", "refresh_token": "r", "expires_in": "90000"})
    result = CliRunner().invoke(hcc, ["oa", "import"], input=f"\ufeff{reply}\r\n")
    assert (result.exit_code, "Đã cất token" in result.output) == (0, True), result.output
    lines = [json.dumps({"user_id": f"614249482300000000{n}", "phone": f"097836291{n}"}) for n in (1, 2)]
    result = CliRunner().invoke(hcc, ["follower", "link", "-"], input="".join(f"\ufeff{line}\r\n" for line in lines))
    assert (result.exit_code, "Đã nối 2 người" in result.output) == (0, True), result.output


def test_standard_input_that_is_not_utf_8_is_a_sentence(ours: None) -> None:
    """PowerShell's own encoding of before is UTF-16."""
    for command in (["oa", "import"], ["follower", "link", "-"]):
        result = CliRunner().invoke(hcc, command, input='{"access_token": "ạ"}'.encode("utf-16"))
        assert result.exit_code == 1
        assert "không phải mã UTF-8" in result.output
        assert "Traceback" not in result.output
