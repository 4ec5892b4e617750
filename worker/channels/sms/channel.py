"""Channel `sms`: the text as an SMS to the phone, for dossiers that ask for it (R33), without accents by choice.

Nothing can be asked of a gateway by our mark, so an uncertain attempt is left to an operator.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from worker.channels.cargo import BatchGuard, Cargo
from worker.channels.channel import Ready
from worker.channels.phones import OpenAll, phones_of
from worker.channels.sms.gateway import Gateway, Sms
from worker.domain.letters import STARS
from worker.domain.notice import Letter
from worker.domain.outcome import Outcome
from worker.domain.segments import is_gsm
from worker.domain.text import unaccented
from worker.domain.tracking import tracking_id
from worker.ledger.sealing import SealError
from worker.wire.protocol import Call, Result


def sms_text(text: str, *, accents: bool) -> str:
    """The words of a text as an SMS has them; without accents a segment holds more than twice as much."""
    return text if accents else unaccented(text)


class SmsChannel:
    """SMS through one gateway; `open_phones` unseals the numbers of a batch."""

    name = "sms"

    def __init__(self, gateway: Gateway, open_phones: OpenAll, *, accents: bool) -> None:
        self._gateway = gateway
        self._open_phones = open_phones
        self._accents = accents

    def ready(self, oa: str) -> Ready:  # noqa: ARG002 (the keys are settings, checked at start)
        return Ready(None)

    def refused_pass(self, oa: str, ready: Ready) -> Ready:  # noqa: ARG002 (keys that are refused hold the channel)
        return ready

    def send(
        self,
        letters: Iterable[Letter],
        ready: Ready,  # noqa: ARG002 (nothing to present but the keys)
        *,
        guard: BatchGuard,
    ) -> Cargo:
        batch = [self._with_code(letter) for letter in letters]
        phone = phones_of(batch, self._open_phones)
        return Cargo(self.name, guard=guard, read=self._read).load(
            batch, lambda letter: self._call(letter, phone(letter))
        )

    def _with_code(self, letter: Letter) -> Letter:
        """A one-time code takes the place of its stars only now; one that cannot be opened stays unsaid."""
        if letter.notice.one_time_code is None:
            return letter
        sealed = bytes.fromhex(letter.notice.one_time_code)
        code = self._open_phones([sealed])[sealed]
        return letter if isinstance(code, SealError) else replace(letter, text=(letter.text or "").replace(STARS, code))

    def _read(self, result: Result, _now: datetime) -> Outcome:
        return self._gateway.read(result, jitter=random.random())  # noqa: S311 (spreads load, guards nothing)

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
