"""Seals of the audit: whatever was changed, removed or slipped in afterwards is found, and which row it was."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, text

from ledger.base.audit import audit
from ledger.base.sealing import Sealer
from ledger.reports import audits, seals
from ledger.reports.seals import AuditFault, AuditSeals

SEALER = Sealer(["0123456789abcdef"])


@pytest.fixture
def chain(ledger: Engine) -> AuditSeals:
    """Seven deeds of two people, sealed in two pages; an eighth is too new."""
    with ledger.begin() as tx:
        for number in range(7):
            audit(tx, "oa", "switch off", f"kind {number}", by="Lan" if number % 2 else "Minh", why="thử")
    made = AuditSeals.of(ledger, SEALER)
    for expected in (5, 2, 0):
        with ledger.begin() as tx:
            assert made.seal_new(tx, page=5) == expected
    with ledger.begin() as tx:
        audit(tx, "oa", "switch on", "kind 7", by="Lan", why="xong")
    return made


def faults(ledger: Engine, chain: AuditSeals, *changes: str) -> list[AuditFault]:
    with ledger.begin() as tx:
        for change in changes:
            tx.execute(text(change))
        return list(chain.faults(tx))


def test_an_untouched_audit_fits_and_says_how_far_it_is_sealed(ledger: Engine, chain: AuditSeals) -> None:
    """A key that was made earlier is used again."""
    again = AuditSeals.of(ledger, SEALER)
    assert faults(ledger, again) == []
    with ledger.connect() as connection:
        found = seals.sealed(connection)
    assert (found.number, len(found.seal), found.unsealed) == (7, 64, 1)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ("UPDATE audit SET why = 'x' WHERE id = 3", AuditFault("changed", 3, 3)),
        ("UPDATE audit SET at = at + interval '1 microsecond' WHERE id = 3", AuditFault("changed", 3, 3)),
        ("DELETE FROM audit WHERE id = 3", AuditFault("removed", 3, 3)),
        ("UPDATE audit_seals SET seal = sha256('x') WHERE number = 7", AuditFault("changed", 7, 7)),
        ("DELETE FROM audit_seals WHERE number = 7; UPDATE audit SET at = '2020-01-01' WHERE id = 7",
         AuditFault("unsealed", 7, None)),
        ("DELETE FROM audit_seals WHERE number = 3", AuditFault("gap", None, 3)),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named(ledger: Engine, chain: AuditSeals, change: str, fault: AuditFault) -> None:
    """The first fault is the row; rows after it are compared all the same."""
    assert faults(ledger, chain, change) == [fault]


def test_without_the_key_no_chain_fits(ledger: Engine, chain: AuditSeals) -> None:
    """Whoever made all seals anew with another key is found at the first row."""
    forger = AuditSeals(b"another key")
    with ledger.begin() as tx:
        tx.execute(text("DELETE FROM audit_seals"))
        forger.seal_new(tx)
    assert faults(ledger, chain)[0] == AuditFault("changed", 1, 1)


def test_a_row_that_commits_after_later_ones_is_sealed_too(ledger: Engine, chain: AuditSeals) -> None:
    """Ids are given at the insert: a long transaction shows its row late."""
    with ledger.connect() as slow, slow.begin():
        audit(slow, "oa", "purge", "month", by="Lan", why="cũ")
        with ledger.begin() as tx:
            audit(tx, "oa", "purge", "month", by="Minh", why="cũ")
        with ledger.begin() as tx:
            assert chain.seal_new(tx) == 2
    with ledger.begin() as tx:
        assert chain.seal_new(tx) == 1
    assert faults(ledger, chain) == []


def test_the_list_goes_back_page_by_page_and_by_name(ledger: Engine, chain: AuditSeals) -> None:
    """Newest first; the mark of a page is its last row."""
    with ledger.connect() as connection:
        first, mark = audits.listed(connection, limit=5)
        rest, end = audits.listed(connection, after=mark, limit=5)
        lan, _ = audits.listed(connection, by="Lan")
    assert ([row.id for row in first], mark) == ([8, 7, 6, 5, 4], 4)
    assert ([row.id for row in rest], end) == ([3, 2, 1], None)
    assert [row.subject for row in lan] == ["kind 7", "kind 5", "kind 3", "kind 1"]
