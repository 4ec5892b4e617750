"""Long reports are made by a process of their own, for the account that asked, and kept for 72 hours."""

from __future__ import annotations

import io
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy import Engine, text

from config.settings import Settings
from ledger.reports import exports, tally_rounds
from operators.reports import exporting
from tests.operators.checkouts import until
from tests.operators.console.conftest import SignIn
from tests.operators.console.test_lists import page
from tests.operators.console.test_reports import whole
from tests.operators.console.waiting import put, scalar
from worker.services.deployment import Deployment
from worker.upkeep import old_exports


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: Engine) -> Path:
    """Where the exports of this test go; there are two notices to count."""
    monkeypatch.setattr(old_exports, "EXPORTS", tmp_path / "exports")
    put(owner, "sent", 2)
    tally_rounds.catch_up(owner, 30)
    return tmp_path / "exports"


@pytest.fixture
def in_process(folder: Path, desk: Deployment, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Exports are made at once, in this process."""
    from operators.console.views import exports as views  # noqa: PLC0415 (Django)

    def made(number: int, place: Path) -> None:
        place.mkdir(exist_ok=True)
        exporting.export(desk, desk.shared.ledger, number, place)

    monkeypatch.setattr(views, "begin_export", made)
    return folder


def run(owner: Engine, statement: str) -> None:
    with owner.begin() as tx:
        tx.execute(text(statement))


def ask(client: Any, report: str = "reach", form: str = "xlsx", query: str = "") -> Any:
    return client.post(f"/exports{query}", {"report": report, "form": form})


def test_a_child_process_makes_what_was_asked_for(
    folder: Path, owner: Engine, console_settings: Settings, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the settings of the console, as one file that other programs read."""
    for name in ("database_url", "console_database_url", "redis_url", "zalo_oa_id"):
        monkeypatch.setenv(f"HCC_{name.upper()}", getattr(console_settings, name))
    monkeypatch.setenv("HCC_SECRET_KEYS", console_settings.secret_keys[0])
    monkeypatch.setattr(exporting, "_NICENESS", 0)  # other tests run beside this one
    client = sign_in("operator")
    assert ask(client).headers["Location"] == "/exports"
    assert "đang lập" in page(client, "/exports")
    until(lambda: scalar(owner, "SELECT done_at IS NOT NULL OR fault IS NOT NULL FROM exports"), "the export", 100)
    number = scalar(owner, "SELECT id FROM exports")
    assert "Tải về (1 dòng" in page(client, "/exports")
    answer = client.get(f"/exports/{number}")
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="reach-')
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(whole(answer))).get_sheet_by_index(0).to_python()
    assert sheet[1][1] == "H27.12"
    assert [file.name for file in folder.iterdir()] == [f"{number}.xlsx"]
    assert (folder / f"{number}.xlsx").stat().st_mode & 0o77 == 0
    told = scalar(owner, "SELECT string_agg(verb, ', ' ORDER BY id) FROM audit WHERE verb LIKE 'export%'")
    assert told == "export, export download"


def test_only_the_account_that_asked_gets_the_file(in_process: Path, owner: Engine, sign_in: SignIn) -> None:
    """And only what its role may see; a clerk has the files of the pages."""
    client = sign_in("operator", "lan")
    ask(client, "bad-phones", "csv")
    number = scalar(owner, "SELECT id FROM exports")
    assert whole(client.get(f"/exports/{number}")).startswith(b"\xef\xbb\xbf")
    admin = sign_in("admin", "hoa")
    assert admin.get(f"/exports/{number}").status_code == 404
    assert "Chưa có báo cáo nào" in page(admin, "/exports")
    assert ask(sign_in("auditor"), "bad-phones").status_code == 403
    viewer = sign_in("viewer")
    assert (ask(viewer).status_code, viewer.get("/exports").status_code) == (403, 403)
    assert ask(client, "nothing").status_code == ask(client, "reach", "doc").status_code == 404


def test_an_export_has_the_period_and_the_unit_of_its_page(in_process: Path, owner: Engine, sign_in: SignIn) -> None:
    """Which the form's address has."""
    client = sign_in("operator")
    query = "?since=2026-01-01&amp;until=2026-01-31&amp;unit=H27.3&amp;units=old"
    put(owner, "sent", unit="H27.3", prefix="X-")
    assert 'action="/exports?' in page(client, "/reports/reach")
    ask(client, form="pdf", query=query.replace("&amp;", "&"))
    told = "SELECT concat_ws(' ', first, last, unit, folded) FROM exports"
    assert scalar(owner, told) == "2026-01-01 2026-01-31 H27.3 f"


def test_what_cannot_be_made_says_why(
    in_process: Path, owner: Engine, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is left behind in the folder."""
    client = sign_in("operator")
    monkeypatch.setattr("operators.reports.writers._SHEET_ROWS", 1)
    ask(client)
    assert "dài quá cho dạng này" in page(client, "/exports")
    monkeypatch.setitem(exporting.CATALOGUE, "reach", None)
    ask(client)
    assert "không lập được" in page(client, "/exports")
    assert list(in_process.iterdir()) == []


def test_at_most_two_are_made_at_once_and_a_silent_one_has_ended(
    folder: Path, owner: Engine, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So nobody fills the machine with a finger on the button."""
    from operators.console.views import exports as views  # noqa: PLC0415 (Django)

    monkeypatch.setattr(views, "begin_export", lambda _number, _folder: None)
    client = sign_in("operator")
    for form in ("xlsx", "csv", "pdf"):
        ask(client, form=form)
    assert scalar(owner, "SELECT count(*) FROM exports") == 2
    assert "Đang có hai báo cáo được lập" in page(client, "/reports/reach")
    run(owner, "UPDATE exports SET seen_at = seen_at - interval '4 minutes'")
    assert "bị ngắt giữa chừng" in page(client, "/exports")
    ask(client)
    assert scalar(owner, "SELECT count(*) FROM exports") == 3


def test_two_clicks_are_one_export(
    folder: Path, owner: Engine, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As long as the first is being made; what others ask for is their own."""
    from operators.console.views import exports as views  # noqa: PLC0415 (Django)

    begun: list[int] = []
    monkeypatch.setattr(views, "begin_export", lambda number, _folder: begun.append(number))
    client, other = sign_in("operator", "lan"), sign_in("admin", "hoa")
    for _ in range(2):
        assert ask(client).headers["Location"] == "/exports"
    assert "đang lập" in page(client, "/exports")
    ask(other)
    assert len(begun) == scalar(owner, "SELECT count(*) FROM exports") == 2
    run(owner, "UPDATE exports SET done_at = now(), rows = 1, bytes = 1")
    ask(client)
    assert len(begun) == 3


def test_progress_is_noted_while_rows_are_written(
    in_process: Path, owner: Engine, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once a second; here for each row."""
    monkeypatch.setattr(exporting, "_NOTED_SECONDS", -1.0)
    noted: list[int] = []
    monkeypatch.setattr(exporting.exports, "note_progress", lambda _tx, _number, rows: noted.append(rows))
    put(owner, "sent", unit="H27.4", prefix="Y-")
    tally_rounds.bring_up(owner, datetime(2020, 1, 1, tzinfo=UTC).date(), datetime(2100, 1, 1, tzinfo=UTC).date())
    ask(sign_in("operator"))
    assert noted == [1, 2]


def test_after_72_hours_the_row_and_the_file_are_gone(in_process: Path, owner: Engine, sign_in: SignIn) -> None:
    """Not a minute before."""
    ask(sign_in("operator"))
    [file] = in_process.iterdir()
    for hours, left in ((71, 1), (73, 0)):
        run(owner, f"UPDATE exports SET asked_at = now() - interval '{hours} hours'")
        at = time.time() - hours * 3600
        os.utime(file, (at, at))
        with owner.begin() as tx:
            exports.forget(tx)
        old_exports.remove_old_files(in_process)
        assert scalar(owner, "SELECT count(*) FROM exports") == left
        assert len(list(in_process.iterdir())) == left
    assert old_exports.remove_old_files(in_process / "none") == 0
