"""Channel `sms`: sends the text as an SMS to the phone, for dossiers that ask for it (R33), optionally without accents.

A gateway offers no look-up by our mark, so an uncertain attempt is left to an operator.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from domain.letters import STARS
from domain.notice import Letter
from domain.outcome import Outcome
from domain.segments import is_gsm, segments
from domain.text import unaccented
from domain.tracking import tracking_id
from ledger.base.sealing import SealError
from worker.channels.cargo import BatchGuard, Cargo
from worker.channels.channel import Ready
from worker.channels.conditions import by_day, is_a_living_code, knows_phone, within_budget
from worker.channels.phones import OpenAll, phones_of
from worker.channels.row import ChannelRow, No, Objection, Terms
from worker.channels.sms.esms import reason_of
from worker.channels.sms.gateway import Gateway, Sms
from worker.wire.protocol import Call, Result


def sms_text(text: str, *, accents: bool) -> str:
    """The text as sent by SMS; without accents a segment holds more than twice as much."""
    return text if accents else unaccented(text)


class SmsChannel:
    """SMS through one gateway; `open_phones` unseals the numbers of a batch."""

    name = "sms"

    def __init__(self, gateway: Gateway, open_phones: OpenAll, *, accents: bool) -> None:
        self._gateway = gateway
        self._open_phones = open_phones
        self._accents = accents

    def ready(self, oa: str) -> Ready:  # noqa: ARG002 (the keys are settings, checked at start-up)
        return Ready(None)

    def renew_access(self, oa: str, ready: Ready) -> Ready:  # noqa: ARG002 (refused keys put a hold on the channel)
        return ready

    def prepare(
        self,
        letters: Iterable[Letter],
        ready: Ready,  # noqa: ARG002 (there are no credentials but the keys)
        *,
        guard: BatchGuard,
    ) -> Cargo:
        batch = [self._with_code(letter) for letter in letters]
        phone = phones_of(batch, self._open_phones)
        return Cargo(self.name, guard=guard, read=self._read).load(
            batch, lambda letter: self._call(letter, phone(letter))
        )

    def _with_code(self, letter: Letter) -> Letter:
        """Replace the stars by the one-time code, only now; a code that cannot be unsealed remains stars."""
        if letter.notice.one_time_code is None:
            return letter
        sealed = bytes.fromhex(letter.notice.one_time_code)
        code = self._open_phones([sealed])[sealed]
        return letter if isinstance(code, SealError) else replace(letter, text=(letter.text or "").replace(STARS, code))

    def _read(self, result: Result, _now: datetime) -> Outcome:
        return self._gateway.read(result, jitter=random.random())  # noqa: S311 (jitter, not security)

    def _call(self, letter: Letter, phone: str) -> Call:
        notice = letter.notice
        text = sms_text(letter.text or "", accents=self._accents)
        return self._gateway.call(
            Sms(
                tag=notice.id,
                phone=phone,
                text=text,
                mark=tracking_id(notice.id, notice.oa, notice.key),
                accented=not is_gsm(text),
            )
        )


def asked_for_sms(_row: ChannelRow, letter: Letter, _terms: Terms) -> Objection | None:
    """An SMS is sent only if the dossier's form contains "Gửi thông báo qua SMS: Có" (R33)."""
    return None if letter.notice.sms else No("the dossier does not ask for SMS")


def is_short_enough(_row: ChannelRow, letter: Letter, terms: Terms) -> Objection | None:
    number = _segments(letter, terms)
    return No(f"the SMS would take {number} segments") if number > terms.sms_segments else None


def _segments(letter: Letter, terms: Terms) -> int:
    """An SMS is charged by the segment."""
    return 1 if letter.text is None else segments(terms.sms_text(letter.text))


ROW = ChannelRow(
    "sms",
    lambda means: SmsChannel(means.gateway, means.open_phones, accents=means.sms_accents),
    conditions=(asked_for_sms, knows_phone, is_short_enough, within_budget, by_day),
    # A one-time code also goes at night, and whether or not the dossier asks for SMS: the person is waiting for it.
    code_conditions=(knows_phone, is_a_living_code, is_short_enough, within_budget),
    units=_segments,
    reason_of=reason_of,
)
