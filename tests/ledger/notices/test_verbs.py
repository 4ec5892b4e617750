"""An act takes each of its notices once, whatever becomes of them meanwhile."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Engine, text

from ledger.notices import verbs
from ledger.notices.verbs import Choice
from ledger.reports import acts
from tests.ledger.conftest import OA, new


def test_a_notice_that_dies_again_is_not_taken_by_a_later_page(ledger: Engine, record: Callable[..., set[str]]) -> None:
    """The notices of a dossier go together, so that one of a later page was taken before its own page came."""
    record(new("A"), new("B"), new("A", "result_ready", minutes=5))
    die = text("UPDATE notices SET state = 'dead', lease = NULL")
    with ledger.begin() as tx:
        tx.execute(die)
        act = verbs.begin(tx, OA, verbs.RETRY, Choice(), by="lan", why="thử")
    pages = []
    for moved in verbs.go_on(ledger, act.id, page=1):
        pages.append(len(moved))
        with ledger.begin() as tx:
            tx.execute(text(f"{die} WHERE id = ANY(:moved)"), {"moved": sorted(moved)})
    with ledger.connect() as connection:
        ended = acts.read(connection, act.id)
    assert ended is not None
    assert pages == [2, 1]
    assert (ended.total, ended.done) == (3, 3)
