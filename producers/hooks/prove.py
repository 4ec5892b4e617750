"""Takes proofs of a shared phone from the chat: the writer may prove it by a one-time code or by a dossier's code.

    "no" to a claim of one's own phone   → weak claims wait for a clerk
    six digits                           → compared with the code that was sent to the phone
    a dossier's code                     → compared with the dossiers of the phone

Only the messages of users with a pending claim are examined; from all others the same words are chatter or a question.
The cost is bounded first: a user without tries left is not looked up. All others are looked up once, by the newest
dossiers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from sqlalchemy import Connection

from domain.clock import to_vietnam
from domain.kinds import PROOF_HELD, PROOF_REQUEST
from domain.phone_claims import MOST_TRIES, Judgement, Proof
from ledger.people.phonebook import Judged, Pending, Phonebook
from producers.hooks.ask import Ask, Wish, digits, names, read_ask, spells
from producers.hooks.read import ZaloEvent

_FEWEST_DIGITS = 4  # in a message that may be a dossier's code: fewer are chatter, and no try

_Looked: TypeAlias = tuple[int, bool, datetime | None]  # a claim in its state when its dossiers were looked up


@dataclass(slots=True)
class Proven:
    """The result of messages: those that need no other answer, the people to tell more, and the keys of new notices."""

    tx: Connection
    oa: str
    book: Phonebook
    answered: set[int] = field(default_factory=set)  # places in the inbox
    reachable: list[int] = field(default_factory=list)
    recorded: set[str] = field(default_factory=set)
    _codes: dict[_Looked, list[str]] = field(default_factory=dict)
    _codes_told: dict[_Looked, list[str]] = field(default_factory=dict)
    _not_granted: set[int] = field(default_factory=set)  # claims for which a dossier's code is not enough
    _words: set[tuple[int, str, str]] = field(default_factory=set)  # already told: each is told once

    def hear(self, message: ZaloEvent) -> None:
        """Apply what one message proves or denies."""
        ask = read_ask(str(message.text))
        if ask.wish is Wish.NO:
            if self.book.deny(self.tx, self.oa, str(message.user_id)):
                self.answered.add(message.number)
        elif ask.wish in _PROVING and digits(ask.letters) >= _FEWEST_DIGITS:
            today = to_vietnam(message.at).date()
            pending = self.book.pending(self.tx, self.oa, str(message.user_id), today)
            if ask.wish is Wish.CODE and any(one.code_hash for one in pending):
                self._try_one_time(message, ask, pending)
            elif pending:
                self._try_dossier(message, ask, pending)

    def _try_dossier(self, message: ZaloEvent, ask: Ask, pending: Sequence[Pending]) -> None:
        today = to_vietnam(message.at).date()
        if any(names(ask, code) for one in pending for code in self._told(one)):
            return  # a question about a dossier that they may see, and no try
        if sum(one.tries for one in pending) >= MOST_TRIES:
            self._tell(message, pending[0], PROOF_HELD, f"tries-{today:%Y%m%d}")
            return
        found = next((one for one in pending if any(spells(ask, code) for code in self._proving(one))), None)
        if found is None:
            self.book.count_try(self.tx, pending[0], today)
        elif found.id in self._not_granted:
            self.answered.add(message.number)
        else:
            judged = self._prove(message, found, Proof.CODE)
            if judged.rulings[0].judgement is not Judgement.GRANT:  # if granted, the chat answers as usual
                self._not_granted.add(found.id)
                self.answered.add(message.number)

    def _told(self, pending: Pending) -> list[str]:
        """The dossiers of one claim of which the user was told something; looked up once."""
        at = (pending.id, pending.holds, pending.told_since)
        if at not in self._codes_told:
            self._codes_told[at] = self.book.codes_told(self.tx, self.oa, pending)
        return self._codes_told[at]

    def _proving(self, pending: Pending) -> list[str]:
        """The dossiers that prove a claim; looked up once."""
        at = (pending.id, pending.holds, pending.told_since)
        if at not in self._codes:
            self._codes[at] = self.book.codes(self.tx, self.oa, pending)
        return self._codes[at]

    def _try_one_time(self, message: ZaloEvent, ask: Ask, pending: Sequence[Pending]) -> None:
        code = "".join(char for char in ask.letters if char.isdigit())
        with_code = [one for one in pending if one.code_hash is not None]
        fits = [self.book.code_fits(self.tx, one, code) for one in with_code]
        found = next((one for one, fit in zip(with_code, fits, strict=True) if fit), None)
        if found is not None:
            self._prove(message, found, Proof.ONE_TIME)
            self.answered.add(message.number)
        else:
            spent = all(fit is None for fit in fits)
            kind, what = (PROOF_HELD, f"spent-{with_code[0].id}") if spent else (PROOF_REQUEST, "wrong")
            self._tell(message, pending[0], kind, f"{what}-{to_vietnam(message.at):%Y%m%d}-{with_code[0].code_tries}")

    def _prove(self, message: ZaloEvent, pending: Pending, proof: Proof) -> Judged:
        judged = self.book.prove(self.tx, self.oa, pending, proof, message.at)
        self.reachable += judged.reachable
        self.recorded |= judged.recorded
        return judged

    def _tell(self, message: ZaloEvent, pending: Pending, kind: str, what: str) -> None:
        word = (pending.follower_id, kind, what)
        if word not in self._words:
            self._words.add(word)
            self.recorded |= self.book.tell(self.tx, self.oa, [word])
        self.answered.add(message.number)


_PROVING = frozenset({Wish.CODE, Wish.DOSSIER, Wish.OTHER})


def take_proofs(tx: Connection, oa: str, book: Phonebook, messages: Sequence[ZaloEvent]) -> Proven:
    """Apply the messages that prove or deny claims, in the order in which they were written."""
    proven = Proven(tx, oa, book)
    for message in sorted(messages, key=lambda one: (one.at, one.number)):
        if message.user_id and message.text:
            proven.hear(message)
    return proven
