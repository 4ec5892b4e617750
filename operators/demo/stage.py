"""The play of the demo: some dozens of dossiers change state, among them the seed's dossier."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sandbox.dossiers.living import LivingDossiers
from sandbox.zalo.client import SandboxZalo
from worker.services.bootstrap import Services

CODE = "H27.37-240219-1001"
_MORNING = datetime(2024, 2, 19, 9, 9)  # noqa: DTZ001 (local and naive, as the dossier database keeps it)
_APPOINTMENT = timedelta(days=7)
_SCENE_SECONDS = 20.0
_WAIT_SECONDS = 0.5
_NAMED = 5  # missing messages listed at most
_WORDS = {
    "accepted": "đã tiếp nhận hồ sơ",
    "fee_requested": "yêu cầu thu phí",
    "result_ready": "đã giải quyết xong",
}
"""The kind told in each scene → words that only its text contains."""


@dataclass(frozen=True, slots=True)
class Citizen:
    """A citizen of the play: `phone` as Zalo writes it (`84…`), `user_id` above 2^53 as the real ones."""

    code: str
    phone: str
    user_id: str


@dataclass
class Play:
    """Three scenes for every dossier (accepted, fee, result), and a fourth that must cause no message."""

    dossiers: LivingDossiers
    zalo: SandboxZalo
    services: Services
    environment: Mapping[str, str]
    count: int
    messages: list[dict[str, Any]] = field(default_factory=list)

    def cast(self) -> list[Citizen]:
        """All citizens, the seed's first."""
        return [
            Citizen(
                f"H27.37-240219-{1001 + number}",
                f"84978{362918 + number:06}",
                str(6_142_494_823_000_000_000 + number),
            )
            for number in range(self.count)
        ]

    def scenes(self) -> Iterator[Iterator[dict[str, Any]]]:
        """Each scene changes the dossier database, then yields the messages as they arrive on Zalo."""
        for number, act in enumerate((self._accept, self._request_fee, self._finish), 1):
            for offset, person in enumerate(self.cast()):
                act(person, timedelta(minutes=offset))
            yield self._arriving(number * self.count)
        for person in self.cast():
            self.dossiers.hand_over(person.code, _MORNING + timedelta(minutes=40))
        yield self._arriving(3 * self.count + 1, seconds=3.0)

    def faults(self, scene: int) -> list[str]:
        """The faults at the end of this scene (counted from 1): missing messages, and messages too many.

        A message is identified by its person, the dossier's code and the words that only its kind contains.
        """
        kinds = list(_WORDS)[:scene]
        due = [(person, kind) for person in self.cast() for kind in kinds]
        lacking = [f"{person.code} ({kind})" for person, kind in due if not self._told(person, kind)]
        too_many = len(self.messages) - (len(due) - len(lacking))
        faults = []
        if lacking:
            some = ", ".join(lacking[:_NAMED]) + (" …" if len(lacking) > _NAMED else "")
            faults.append(f"Thiếu {len(lacking)} tin nhắn sau khi chờ {_SCENE_SECONDS:.0f} giây: {some}")
        if too_many > 0:
            faults.append(f"Có {too_many} tin nhắn thừa hoặc sai nội dung")
        return faults

    def _told(self, person: Citizen, kind: str) -> bool:
        """Whether this kind of message about this dossier was shown on the person's phone."""
        of_person = (one["text"] for one in self.messages if one["user_id"] == person.user_id)
        return any(person.code in told and _WORDS[kind] in told for told in of_person)

    def of_hero(self) -> list[dict[str, Any]]:
        """The messages of the seed's dossier."""
        hero = self.cast()[0].user_id
        return [message for message in self.messages if message["user_id"] == hero]

    def _arriving(self, total: int, *, seconds: float = _SCENE_SECONDS) -> Iterator[dict[str, Any]]:
        until = time.monotonic() + seconds
        while len(self.messages) < total and time.monotonic() < until:
            since = self.messages[-1]["seq"] if self.messages else 0
            for message in self.zalo.messages(since=since, wait=_WAIT_SECONDS):
                self.messages.append(message)
                yield message

    def _accept(self, person: Citizen, later: timedelta) -> None:
        at = _MORNING + later
        self.dossiers.file(person.code, phone=f"0{person.phone[2:]}", at=at)
        self.dossiers.accept(person.code, at=at, appointment=at + _APPOINTMENT)

    def _request_fee(self, person: Citizen, later: timedelta) -> None:
        self.dossiers.request_fee(person.code, 1_000_000, at=_MORNING + later + timedelta(minutes=7))

    def _finish(self, person: Citizen, later: timedelta) -> None:
        self.dossiers.finish(person.code, at=_MORNING + later + timedelta(minutes=32))
