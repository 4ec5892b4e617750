"""Settling uncertain notices: ask Zalo whether the person has the message; never send again by guess (law 3).

    take those whose look is due → ask for a permit → look into the conversation → judge → record

A look that finds the exact words settles at once. "Not there" settles only after the last look, since Zalo may show
late what it accepted. What cannot be settled in an hour stays uncertain, and an operator decides.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from worker.bootstrap import Services
from worker.channels.zalo.conversation import PAGE_ROWS
from worker.channels.zalo.tokens import Access, NoAccess
from worker.domain.kinds import CARDS
from worker.domain.lane import Lane
from worker.domain.settling import GIVE_UP, LOOKED_UP, SKEW, Row, Verdict, next_look, verdict
from worker.ledger import uncertain
from worker.ledger.uncertain import Doubt

log = logging.getLogger("hcc.settle")

_PAGE = 200  # look-ups a ring
_ROWS = 50  # messages of a conversation that a look goes back at most
_SECONDS = 10.0  # no page is asked for later: within the reservation of what was taken, and within the task's time


def settle_uncertain(services: Services, oa: str) -> None:
    """Look up what is due for a look, all at once, and record what it came to."""
    access = services.tokens.access(oa)
    if isinstance(access, NoAccess):
        return
    with services.ledger.begin() as tx:
        doubts = uncertain.to_look_up(tx, oa, limit=_PAGE)
    if doubts:
        found = {doubt: Verdict.UNCLEAR for doubt in doubts if not can_be_looked_up(doubt)}
        looks = [Look(doubt) for doubt in doubts if can_be_looked_up(doubt)]
        found |= look(services, oa, access, looks)
        record(services, oa, found, unasked=[doubt for doubt in doubts if doubt not in found])


def can_be_looked_up(doubt: Doubt) -> bool:
    """Whether its absence from the conversation would prove anything.

    A template by user id may or may not show there, one by phone and an SMS never do: a delivery event settles them (by
    `tracking_id`), or an operator.
    """
    return doubt.user_id is not None and doubt.channel in (None, LOOKED_UP) and doubt.kind not in CARDS


@dataclass(slots=True)
class Look:
    """A look into the conversation of one notice's person, page by page, newest first."""

    doubt: Doubt
    rows: list[Row] = field(default_factory=list)

    def judge(self, page: Sequence[Row] | None) -> Verdict | None:
        """What it came to with this page; None where the next page has to be seen."""
        if page is None:
            return Verdict.UNCLEAR
        self.rows += page
        complete = len(page) < PAGE_ROWS or page[-1].at < self.doubt.question.began - SKEW
        if complete or len(self.rows) >= _ROWS:
            return verdict(self.doubt.question, self.rows, complete=complete)
        return None


def look(services: Services, oa: str, access: Access, looks: Sequence[Look]) -> dict[Doubt, Verdict]:
    """The verdicts of the looks for which there were permits and time; a page of each conversation at a time.

    A dossier waits for each, so they go before the daily flow.
    """
    judged: dict[Doubt, Verdict] = {}
    end = time.monotonic() + _SECONDS
    while looks and time.monotonic() < end:
        permits = services.limiter.take(services.limits(oa), len(looks), lane=Lane.INTERACTIVE).granted
        asked = {one.doubt.id: one for one in looks[:permits]}
        asks = [(one.doubt.id, str(one.doubt.user_id), len(one.rows)) for one in asked.values()]
        looks = []
        for number, page in services.conversation.pages(oa, access, asks):
            found = asked[number].judge(page)
            if found is None:
                looks.append(asked[number])
            else:
                judged[asked[number].doubt] = found
    return judged


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
