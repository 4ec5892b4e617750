"""A one-time code is opened by the channel that sends it, and by nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.kinds import PROOF_CODE
from domain.letters import STARS
from domain.lifecycle import State
from domain.phone_claims import CODE_LIVES, Demand
from ledger.base.sealing import Sealer
from ledger.notices import notices
from ledger.notices.notices import NewNotice
from ledger.people.people import Link
from ledger.people.phonebook import Phonebook
from sandbox.zalo.client import SandboxZalo
from tests.delivering import deliver
from tests.worker.channels.cases import NOON, OA, letter, terms
from tests.worker.channels.test_falls import rows
from worker.channels.channel import Ready
from worker.channels.policy import choose
from worker.channels.sms.channel import SmsChannel
from worker.channels.sms.gateway import Sms
from worker.services.bootstrap import Services
from worker.wire.protocol import Call

USER, PHONE = "6142494823000000007", "84978001007"
SEALER = Sealer(["0123456789abcdef"])
CODE: dict[str, Any] = {"kind": PROOF_CODE, "phone_sealed": SEALER.seal(f"+{PHONE}"), "left": True}


class Pen:
    """A gateway that keeps what it is to send."""

    def __init__(self) -> None:
        self.sent: list[Sms] = []

    def call(self, sms: Sms) -> Call:
        self.sent.append(sms)
        return Call(sms.tag, "POST", "https://sms.example/", {}, b"")


class Free:
    """A guard that keeps nothing back."""

    def is_over(self) -> bool:
        return False


def test_an_sms_has_the_code_in_place_of_the_stars_that_the_ledger_keeps() -> None:
    pen = Pen()
    channel = SmsChannel(pen, SEALER.open_all, accents=True)  # type: ignore[arg-type]  # half a gateway is enough here
    sealed = SEALER.seal("012345").hex()
    kept = letter(f"{STARS} là mã", one_time_code=sealed, **CODE)
    channel.prepare([kept], Ready(None), guard=Free())  # type: ignore[arg-type]  # nothing is carried
    assert [sms.text for sms in pen.sent] == ["012345 là mã"]
    assert "012345" not in repr(kept)


@pytest.mark.parametrize("order", [["zns"], ["sms"]])
def test_a_code_is_sent_by_night_to_who_does_not_follow_and_not_after_its_time(order: list[str]) -> None:
    """Somebody waits for it; nobody asked for an SMS in the dossier."""
    night = NOON.replace(hour=23)
    asked = terms(order=lambda _: order, now=night, quiet=(NOON.replace(hour=22).time(), NOON.replace(hour=6).time()))
    assert choose(letter(fresh_at=night, **CODE), asked) == order[0]
    late = choose(letter(fresh_at=night - CODE_LIVES - timedelta(seconds=1), **CODE), asked)
    assert not isinstance(late, str)
    assert (late.state, late.reason) == (State.UNREACHABLE, "the one-time code has expired")


def test_a_zns_has_the_code_and_the_ledger_has_not(services: Services, box: SandboxZalo) -> None:
    box.people([{"user_id": USER, "phone": PHONE}])
    box.templates([{"template_id": "900", "params": ["ma_xac_nhan"]}])
    services.settings = services.settings.model_copy(update={"proof_template": "900"})
    book = Phonebook(services.people, Demand.STRONG, sends_codes=True)
    with services.ledger.begin() as tx:
        book.submit(tx, OA, [Link(USER, f"+{PHONE}")], source="test")
    for _ in range(3):
        deliver(services, OA)
    [message] = [one for one in box.messages() if one["template_id"] == "900"]
    code = message["template_data"]["ma_xac_nhan"]
    assert len(code) == 6
    [(state, text)] = rows(services, "SELECT state, text FROM notices WHERE kind = 'proof_code'")
    assert state == "sent"
    assert STARS in text
    assert code not in text


def test_a_user_whom_zalo_does_not_know_is_unreachable_and_the_real_one_takes_the_phone(
    services: Services, box: SandboxZalo
) -> None:
    """A link by a wrong id: -201 that names the recipient is no fault of the message."""
    box.people([{"user_id": USER, "phone": PHONE}])
    box.switch(everybody_known=False)
    services.settings = services.settings.model_copy(update={"channels": ["zalo_cs"]})
    wrong = "6142494823000000999"
    with services.ledger.begin() as tx:
        services.people.link(tx, OA, [Link(wrong, f"+{PHONE}")], source="cli")
    now = datetime.now(UTC)
    with services.ledger.begin() as tx:
        person = services.people.ids(tx, OA, [f"+{PHONE}"])[f"+{PHONE}"]
        new = NewNotice("H27-1/result_ready/1", "H27-1", "result_ready", None, {}, person, None, now, now)
        notices.record(tx, OA, [new])
    deliver(services, OA)
    [row] = rows(services, "SELECT state, reason FROM notices")
    assert tuple(row) == ("unreachable", "is no user of this OA")
    with services.ledger.begin() as tx:
        Phonebook(services.people).submit(tx, OA, [Link(USER, f"+{PHONE}")], source="test")
    assert rows(services, "SELECT user_id FROM followers WHERE person_id IS NOT NULL") == [(USER,)]
