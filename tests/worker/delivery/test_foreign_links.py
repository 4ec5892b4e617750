"""A notice whose text would hold a foreign link never leaves: it is a dead letter that says why, without the link."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from ledger.notices import notices
from ledger.notices.notices import NewNotice
from tests.worker.delivery.conftest import ONE, StillWire, column, record, states, turn_until
from worker.delivery.pump import Pump
from worker.services.bootstrap import Services


def test_a_code_that_is_a_link_is_told_to_nobody_and_holds_nothing_up(
    one: Services, caplog: pytest.LogCaptureFixture
) -> None:
    """The others of its batch leave; the log and the reason do not repeat what stands there."""
    record(one, 2)
    now = datetime.now(UTC)
    with one.ledger.begin() as tx:
        person = one.people.ids(tx, ONE, ["+84978001001"])["+84978001001"]
        for code in ("LUA-DAO.COM/NOP-PHI", "HTTPS://LUA-DAO.EXAMPLE", "WWW.LUA-DAO"):
            key = f"{code}/accepted/1"
            notices.record(tx, ONE, [NewNotice(key, code, "accepted", None, {}, person, None, now, now)])
    wire = StillWire(40)
    made = Pump(wire)
    with caplog.at_level(logging.ERROR):
        made.ask(one, ONE)
        turn_until(made, lambda: not made.busy)
    assert states(one) == {"sent": 2, "dead": 3}
    assert len(wire.started) == 2
    reasons = column(one, "SELECT DISTINCT reason FROM notices WHERE state = 'dead'")
    assert len(reasons) == 1
    assert "a link or a host name that is not our payment link" in reasons[0]
    told = "\n".join(record.getMessage() for record in caplog.records) + reasons[0]
    assert "LUA-DAO" not in told
    with one.ledger.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM attempts")).scalar_one() == 2
