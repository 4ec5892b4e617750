"""Settling uncertain notices: ask Zalo whether the person has the message; never send again by guess (law 3).

    take those whose look is due → ask the witnesses → ask for a permit → look into the conversation → judge → record

A look that finds the words settles at once. "Not there" settles only with the last look, since Zalo may carry out and
show late what it accepted. What cannot be settled in an hour stays uncertain, and an operator decides.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from worker.bootstrap import Services
from worker.channels.zalo.conversation import PAGE_ROWS, Page
from worker.channels.zalo.tokens import Access, NoAccess
from worker.domain.kinds import CARDS
from worker.domain.lane import Lane
from worker.domain.settling import (
    GIVE_UP,
    LOOKED_UP,
    SKEW,
    Row,
    Shown,
    Verdict,
    begin_counting,
    next_look,
    verdict,
)
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
        doubts = of_certain_age(services, doubts)
        found = {doubt.id: Verdict.UNCLEAR for doubt in doubts if not can_be_looked_up(doubt)}
        found |= look(services, oa, access, [doubt for doubt in doubts if can_be_looked_up(doubt)])
        record(services, oa, doubts, found)


def of_certain_age(services: Services, doubts: Sequence[Doubt]) -> list[Doubt]:
    """The doubts, each as old as both clocks say: that of the ledger, which may jump, and Redis' since the last mark.

    Raises `QueueDown`.
    """
    hashes = [services.people.event_hash(doubt.oa, doubt.key) for doubt in doubts]
    aged = []
    for doubt, witness in zip(doubts, services.marks.witnesses(hashes), strict=True):
        age = doubt.question.age if witness is None else min(doubt.question.age, witness.seconds_ago)
        aged.append(replace(doubt, question=replace(doubt.question, age=age)))
    return aged


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
    conclusive: bool
    asked: int = 0  # rows that Zalo gave: a message that comes meanwhile moves all others, and one is given twice
    rows: dict[str, Row] = field(default_factory=dict)  # by Zalo's id

    def judge(self, page: Page | None, now: datetime) -> Verdict | None:
        """What it came to with this page, at this moment of the ledger; None where the next page has to be seen."""
        if page is None:
            return Verdict.UNCLEAR
        self.asked += len(page.rows)
        self.rows |= {row.message_id: row for row in page.rows}
        agree = page.zalo_now is None or abs(page.zalo_now - now) < SKEW
        self.conclusive = self.conclusive and agree
        shown = Shown(list(self.rows.values()), len(page.rows) < PAGE_ROWS, self.conclusive)
        if shown.reaches(begin_counting(self.doubt.question)) or self.asked >= _ROWS:
            return verdict(self.doubt.question, shown)
        return None


def look(services: Services, oa: str, access: Access, doubts: Sequence[Doubt]) -> dict[int, Verdict]:
    """The verdicts, by notice, of the looks for which there were permits and time; a page of each at a time.

    A dossier waits for each, so they go before the daily flow. Raises `QueueDown`.
    """
    judged: dict[int, Verdict] = {}
    conclusive = absence_proves(services)
    looks = [Look(doubt, conclusive) for doubt in doubts]
    end = time.monotonic() + _SECONDS
    while looks and time.monotonic() < end:
        permits = services.limiter.take(services.limits(oa), len(looks), lane=Lane.INTERACTIVE).granted
        asked = {one.doubt.id: one for one in looks[:permits]}
        asks = [(one.doubt.id, str(one.doubt.user_id), one.asked) for one in asked.values()]
        looks = []
        for number, page in services.conversation.pages(oa, access, asks):
            found = asked[number].judge(page, services.clock.now())
            if found is None:
                looks.append(asked[number])
            else:
                judged[number] = found
    return judged


def absence_proves(services: Services) -> bool:
    """Whether a notice that is not in its conversation did not arrive.

    Behind a proxy what we gave up may still arrive; and who is told again cannot be untold, so two clocks must agree.
    """
    if services.settings.proxy:
        return False
    with services.ledger.connect() as connection:
        return services.shared.second_clock.now(connection) is not None


def record(services: Services, oa: str, doubts: Sequence[Doubt], judged: Mapping[int, Verdict]) -> None:
    """Settle what is clear, look again at what is not, and leave to an operator what is too old."""
    arrived = [doubt for doubt in doubts if judged.get(doubt.id) is Verdict.ARRIVED]
    absent = [doubt for doubt in doubts if judged.get(doubt.id) is Verdict.NOT_ARRIVED]
    unclear = [doubt for doubt in doubts if judged.get(doubt.id) is Verdict.UNCLEAR]
    old = [doubt.id for doubt in unclear if doubt.question.age >= GIVE_UP]
    again = [(doubt.id, next_look(doubt.question.age)) for doubt in unclear if doubt.question.age < GIVE_UP]
    unasked = [(doubt.id, 1.0) for doubt in doubts if doubt.id not in judged]
    with services.ledger.begin() as tx:
        moved = uncertain.settle(tx, oa, arrived, absent, by="settle")
        uncertain.look_again(tx, again + unasked)
        uncertain.leave_to_operator(tx, old)
    if moved or old:
        log.info("settled oa=%s arrived=%d not_arrived=%d to_operator=%d", oa, len(arrived), len(absent), len(old))
