"""What is written in the chat may prove the phone that the writer shared: a one-time code, or a dossier's code.

    "no" to a claim of one's own phone   → weak claims wait for a clerk
    six digits                           → held against the code that was sent to the phone
    a dossier's code                     → held against the dossiers of the phone

Only users with a claim that waits are looked at closely; to all others the same words are chatter or a question.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection

from producers.hooks.ask import Ask, Wish, digits, read_ask, spells
from producers.hooks.read import ZaloEvent
from worker.domain.claims import MOST_TRIES, Proof, Verdict
from worker.domain.clock import to_vietnam
from worker.domain.kinds import PROOF_HELD, PROOF_REQUEST
from worker.ledger.phonebook import Pending, Phonebook, Settled

_FEWEST_DIGITS = 4  # of a message that may be a dossier's code: fewer are chatter, and no try


@dataclass(slots=True)
class Proven:
    """What messages came to: those that need no other answer, the people of whom more can be told, and the words."""

    answered: set[int] = field(default_factory=set)  # places in the inbox
    reachable: list[int] = field(default_factory=list)
    recorded: set[str] = field(default_factory=set)

    def take(self, settled: Settled) -> None:
        self.reachable += settled.reachable
        self.recorded |= settled.recorded


def take_proofs(tx: Connection, oa: str, book: Phonebook, messages: Sequence[ZaloEvent]) -> Proven:
    """Take from messages what proves or denies claims, in the order in which they were written."""
    proven = Proven()
    written = sorted((one for one in messages if one.user_id and one.text), key=lambda one: (one.at, one.number))
    asks = [(one, read_ask(str(one.text))) for one in written]
    asks = [(one, ask) for one, ask in asks if ask.wish in _PROVING]
    for one, ask in asks:
        if ask.wish is Wish.NO:
            if book.deny(tx, oa, str(one.user_id)):
                proven.answered.add(one.number)
        else:
            _try(tx, oa, book, one, ask, proven)
    return proven


_PROVING = frozenset({Wish.NO, Wish.CODE, Wish.DOSSIER, Wish.OTHER})


def _try(tx: Connection, oa: str, book: Phonebook, message: ZaloEvent, ask: Ask, proven: Proven) -> None:
    user, today = str(message.user_id), to_vietnam(message.at).date()
    if digits(ask.letters) < _FEWEST_DIGITS:
        return
    pending = book.pending(tx, oa, [user], today).get(user, [])
    if not pending:
        return
    if ask.wish is Wish.CODE and any(one.code_hash for one in pending):
        _try_one_time(tx, oa, book, message, ask, pending, proven)
        return
    found = next((one for one in pending if any(spells(ask, code) for code in book.codes(tx, oa, one))), None)
    if sum(one.tries for one in pending) >= MOST_TRIES:
        proven.answered.add(message.number)
        proven.recorded |= book.tell(tx, oa, [(pending[0].follower_id, PROOF_HELD, f"tries-{today:%Y%m%d}")])
    elif found is None:
        book.count_try(tx, pending[0], today)
    else:
        settled = book.prove(tx, oa, found, Proof.CODE, message.at)
        proven.take(settled)
        if settled.rulings[0].verdict is not Verdict.GRANT:  # else the dossier is told as to any who asks
            proven.answered.add(message.number)


def _try_one_time(
    tx: Connection, oa: str, book: Phonebook, message: ZaloEvent, ask: Ask, pending: Sequence[Pending], proven: Proven
) -> None:
    code = "".join(char for char in ask.letters if char.isdigit())
    proven.answered.add(message.number)
    fits = {one: book.code_fits(tx, one, code) for one in pending if one.code_hash is not None}
    found = next((one for one, fit in fits.items() if fit), None)
    if found is not None:
        proven.take(book.prove(tx, oa, found, Proof.ONE_TIME, message.at))
        return
    kind = PROOF_HELD if all(fit is None for fit in fits.values()) else PROOF_REQUEST
    proven.recorded |= book.tell(tx, oa, [(pending[0].follower_id, kind, f"wrong-{message.number}")])
