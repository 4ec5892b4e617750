"""The list for the desk: whom nobody could reach, with masked phones, for those who stand before the citizens."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from sqlalchemy import Engine

from tests.operators.console.conftest import SignIn
from tests.operators.console.stage import FOLLOWS_NOT, Stage
from tests.operators.console.waiting import put
from worker.services.deployment import Deployment


def rows(answer: Any) -> list[list[str]]:
    """The rows of a CSV file below its heading."""
    told = b"".join(answer.streaming_content).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(told, newline="")))[1:]


def test_the_desk_gets_a_file_with_masked_phones(owner: Engine, sign_in: SignIn, desk: Deployment) -> None:
    """The newest first; the reason in words; no phone in its name."""
    put(owner, "unreachable", 2)
    Stage(owner, desk).notice(
        FOLLOWS_NOT, "accepted", "unreachable", phone="+84912345618",
        reason="no Zalo user of this OA is linked to the phone",
    )  # fmt: skip
    client = sign_in("operator")
    assert 'href="/unreachable.csv?kind=accepted"' in client.get("/unreachable?kind=accepted").content.decode()
    answer = client.get("/unreachable.csv?kind=accepted")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="unreachable.csv"'
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    first, *rest = rows(answer)
    assert (first[0], first[1], first[4]) == (FOLLOWS_NOT, "H27.37", "09******18")
    assert first[5].startswith("Người dân chưa quan tâm OA")
    assert len(rest) == 2
    assert rows(client.get("/unreachable.csv?kind=result_ready")) == []


def test_a_clerk_gets_the_own_unit_and_an_auditor_nothing(owner: Engine, sign_in: SignIn) -> None:
    """Phones are not for control."""
    from operators.console.models import Account  # noqa: PLC0415 (Django)

    put(owner, "unreachable", 2, prefix="A-", unit="H27.12")
    put(owner, "unreachable", 3, prefix="B-", unit="H27.3")
    clerk = sign_in("viewer", "lan")
    assert rows(clerk.get("/unreachable.csv?unit=H27.3")) == []
    Account.objects.filter(username="lan").update(unit="H27.12")
    assert {row[1] for row in rows(clerk.get("/unreachable.csv?unit=H27.3"))} == {"H27.12"}
    auditor = sign_in("auditor")
    assert auditor.get("/unreachable.csv").status_code == 403
    assert "/unreachable.csv" not in auditor.get("/unreachable").content.decode()


def test_a_file_that_would_be_too_long_is_a_sentence(
    owner: Engine, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And no half of it."""
    from operators.console import files  # noqa: PLC0415 (Django)

    put(owner, "unreachable", 3)
    monkeypatch.setattr(files, "MOST_ROWS", 2)
    answer = sign_in("operator").get("/unreachable.csv", follow=True)
    assert answer.redirect_chain == [("/unreachable", 303)]
    assert "nên không ghi ra tệp" in answer.content.decode()
