"""Settling uncertain notices: ask Zalo whether the person has the message; never send again by guess (law 3).

    take those whose look is due → ask for a permit → look into the conversation → judge → record

A look that finds the exact words settles at once. "Not there" settles only after the last look, since Zalo may show
late what it accepted. What cannot be settled in an hour stays uncertain, and an operator decides.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence

from worker.bootstrap import Services
from worker.channels.zalo.conversation import PAGE_ROWS
from worker.channels.zalo.tokens import Access, NoAccess
from worker.domain.kinds import CARDS
from worker.domain.lane import Lane
from worker.domain.settling import GIVE_UP, LOOKED_UP, SKEW, Row, Verdict, next_look, verdict
from worker.ledger import uncertain
from worker.ledger.uncertain import Doubt

log = logging.getLogger("hcc.settle")

_PAGE = 50  # look-ups a ring
_ROWS = 50  # messages of a conversation that a look goes back at most
_SECONDS = 15.0  # within the reservation of what was taken, and within the task's time


def settle_uncertain(services: Services, oa: str) -> None:
    """Look up what is due for a look, and record what it came to."""
    access = services.tokens.access(oa)
    if isinstance(access, NoAccess):
        return
    with services.ledger.begin() as tx:
        doubts = uncertain.to_look_up(tx, oa, limit=_PAGE)
    if not doubts:
        return
    end = time.monotonic() + _SECONDS
    for number, doubt in enumerate(doubts):
        if time.monotonic() > end:
            record(services, oa, {}, unasked=doubts[number:])
            return
        try:
            found = judge(services, oa, access, doubt)
        except NoPermit:
            record(services, oa, {}, unasked=doubts[number:])
            return
        record(services, oa, {doubt: found}, unasked=())


class NoPermit(Exception):  # noqa: N818 (a state of the world: the look comes later)
    """The limit has nothing left for a look right now."""


def judge(services: Services, oa: str, access: Access, doubt: Doubt) -> Verdict:
    """What the conversation says of one notice; unclear where it cannot be asked for. Raises `NoPermit`.

    A template by user id may or may not show there, one by phone and an SMS never do: their absence proves nothing, so
    a delivery event settles them (by `tracking_id`), or an operator.
    """
    if doubt.user_id is None or doubt.channel not in (None, LOOKED_UP) or doubt.kind in CARDS:
        return Verdict.UNCLEAR
    rows: list[Row] = []
    since = doubt.question.began - SKEW
    for offset in range(0, _ROWS, PAGE_ROWS):
        take_permit(services, oa)
        page = services.conversation.page(oa, access, doubt.user_id, offset)
        if page is None:
            return Verdict.UNCLEAR
        rows += page
        if len(page) < PAGE_ROWS or page[-1].at < since:
            return verdict(doubt.question, rows, complete=True)
    return verdict(doubt.question, rows, complete=False)


def take_permit(services: Services, oa: str) -> None:
    """Each call of a look counts. A dossier waits for it, so it goes before the daily flow."""
    if not services.limiter.take(services.limits(oa), 1, lane=Lane.INTERACTIVE).granted:
        raise NoPermit


def record(services: Services, oa: str, judged: dict[Doubt, Verdict], unasked: Sequence[Doubt]) -> None:
    """Settle what is clear, look again at what is not, and leave to an operator what is too old."""
    arrived = [doubt for doubt, found in judged.items() if found is Verdict.ARRIVED]
    absent = [doubt for doubt, found in judged.items() if found is Verdict.NOT_ARRIVED]
    unclear = [doubt for doubt, found in judged.items() if found is Verdict.UNCLEAR]
    old = [doubt.id for doubt in unclear if doubt.question.age >= GIVE_UP]
    again = [(doubt.id, next_look(doubt.question.age)) for doubt in unclear if doubt.question.age < GIVE_UP]
    with services.ledger.begin() as tx:
        moved = uncertain.settle(tx, oa, arrived, absent, by="settle")
        uncertain.look_again(tx, again + [(doubt.id, 1.0) for doubt in unasked])
        uncertain.leave_to_operator(tx, old)
    if moved or old:
        log.info("settled oa=%s arrived=%d not_arrived=%d to_operator=%d", oa, len(arrived), len(absent), len(old))
