"""`hcc audit`: what was done, by whom; and proof that nobody changed it afterwards."""

from __future__ import annotations

import json

from sqlalchemy import Engine, text

from ledger.base.sealing import Sealer
from ledger.reports.seals import AuditSeals
from tests.operators.conftest import Run
from tests.operators.test_verbs import ACCOUNT, three

__all__ = ["three"]


def sealed(ledger: Engine) -> None:
    with ledger.begin() as tx:
        AuditSeals.of(ledger, Sealer(["0123456789abcdef"])).seal_new(tx)


def test_a_bulk_verb_is_one_row_with_its_number(run: Run, ledger: Engine, three: list[int]) -> None:
    """Three notices, one act, one row; a switch is another."""
    assert run("dead", "discard", "--all", "--yes", *ACCOUNT).exit_code == 0
    assert run("switch", "off", "kind", "accepted", "--by", "Minh", "--why", "lỗi mẫu").exit_code == 0
    rows = json.loads(run("audit", "list", "--json").stdout)
    told = [(row["verb"], row["subject"], row["by"], row["why"]) for row in rows]
    assert told == [
        ("switch off", "kind accepted", "Minh", "lỗi mẫu"),
        ("dead discard", "act 1: 3 notices", "Lan", "đã sửa mẫu tin"),
    ]
    assert [row["by"] for row in json.loads(run("audit", "list", "--who", "Lan", "--json").stdout)] == ["Lan"]
    assert json.loads(run("audit", "list", "--after", rows[1]["id"], "--json").stdout) == []
    cut = run("audit", "list", "--limit", "1")
    assert f"--after {rows[0]['id']}" in cut.stderr


def test_verify_names_the_row_that_does_not_fit_and_exits_with_1(run: Run, ledger: Engine) -> None:
    """Exit 0 while all fits, also with rows that are too new."""
    run("switch", "off", "kind", "accepted", *ACCOUNT)
    sealed(ledger)
    run("switch", "on", "kind", "accepted", *ACCOUNT)
    whole = run("audit", "verify", "--json")
    assert whole.exit_code == 0
    told = json.loads(whole.stdout)
    assert (told["ok"], told["number"], told["unsealed"], told["faults"]) == (True, 1, 1, [])
    with ledger.begin() as tx:
        tx.execute(text("UPDATE audit SET by = 'Minh' WHERE id = 1"))
    broken = run("audit", "verify")
    assert broken.exit_code == 1
    assert "Dòng 1 (mắt xích 1) đã bị sửa" in broken.output
