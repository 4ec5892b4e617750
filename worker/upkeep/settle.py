"""Settles uncertain notices: asks Zalo whether the person has the message, and never resends on a guess (law 3).

    take doubts whose look-up is due → read the witnesses → take permits → read the conversation → judge → record

A look-up that finds the text settles the notice at once. Absence settles it only at the last look-up, since Zalo may
deliver and show an accepted message late. A notice that cannot be settled within an hour stays uncertain, and an
operator decides.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from config.channels import shown_in_conversation
from domain.kinds import CARDS
from domain.lane import Lane
from domain.settling import (
    GIVE_UP,
    SKEW,
    ConversationRow,
    DoubtVerdict,
    Shown,
    begin_counting,
    next_look,
    verdict,
)
from ledger.notices import uncertain
from ledger.notices.uncertain import Doubt
from worker.channels.zalo.conversation import PAGE_ROWS, Page
from worker.channels.zalo.tokens import Access, NoAccess
from worker.services.bootstrap import Services

log = logging.getLogger("hcc.settle")

_PAGE = 200  # look-ups per ring
_ROWS = 50  # a look-up reads at most the newest 50 messages of a conversation
_SECONDS = 10.0  # no page is requested later: this stays within the reservation of the doubts and the task's time limit


def settle_uncertain(services: Services) -> None:
    """Look up all doubts that are due, concurrently, and record the verdicts."""
    access = services.tokens.access(services.oa)
    if isinstance(access, NoAccess):
        return
    with services.ledger.begin() as tx:
        doubts = uncertain.to_look_up(tx, services.oa, limit=_PAGE)
    if doubts:
        doubts = of_certain_age(services, doubts)
        found = {doubt.id: DoubtVerdict.UNCLEAR for doubt in doubts if not can_be_looked_up(doubt)}
        found |= look(services, access, [doubt for doubt in doubts if can_be_looked_up(doubt)])
        record(services, doubts, found)


def of_certain_age(services: Services, doubts: Sequence[Doubt]) -> list[Doubt]:
    """The doubts, each with the smaller of two ages: by the ledger's clock, which may jump, and by Redis' clock.

    Redis' age counts from the last mark. Raises `QueueDown`.
    """
    hashes = [services.people.event_hash(doubt.oa, doubt.key) for doubt in doubts]
    aged = []
    for doubt, witness in zip(doubts, services.marks.witnesses(hashes), strict=True):
        age = doubt.question.age if witness is None else min(doubt.question.age, witness.seconds_ago)
        aged.append(replace(doubt, question=replace(doubt.question, age=age)))
    return aged


def can_be_looked_up(doubt: Doubt) -> bool:
    """Whether absence from the conversation would prove anything.

    A template by user id may or may not appear there. A template by phone and an SMS never do. A delivery event (by
    `tracking_id`) or an operator settles these.
    """
    return doubt.user_id is not None and shown_in_conversation(doubt.channel) and doubt.kind not in CARDS


@dataclass(slots=True)
class ConversationLook:
    """A look-up in the conversation with one notice's person, page by page, newest first."""

    doubt: Doubt
    conclusive: bool
    asked: int = 0  # rows received; a message that arrives meanwhile shifts the pages, so one row is received twice
    rows: dict[str, ConversationRow] = field(default_factory=dict)  # by Zalo's id

    def judge(self, page: Page | None, now: datetime) -> DoubtVerdict | None:
        """The verdict after this page, at `now` by the ledger's clock; None if the next page is needed."""
        if page is None:
            return DoubtVerdict.UNCLEAR
        self.asked += len(page.rows)
        self.rows |= {row.message_id: row for row in page.rows}
        agree = page.zalo_now is None or abs(page.zalo_now - now) < SKEW
        self.conclusive = self.conclusive and agree
        shown = Shown(list(self.rows.values()), len(page.rows) < PAGE_ROWS, self.conclusive)
        if shown.reaches(begin_counting(self.doubt.question)) or self.asked >= _ROWS:
            return verdict(self.doubt.question, shown)
        return None


def look(services: Services, access: Access, doubts: Sequence[Doubt]) -> dict[int, DoubtVerdict]:
    """The verdicts by notice id, for the look-ups that got permits and time. Each round reads one page of each.

    A dossier waits for each verdict, so look-ups take precedence over the daily flow. Raises `QueueDown`.
    """
    judged: dict[int, DoubtVerdict] = {}
    conclusive = absence_proves(services)
    looks = [ConversationLook(doubt, conclusive) for doubt in doubts]
    end = time.monotonic() + _SECONDS
    while looks and time.monotonic() < end:
        permits = services.limiter.take(services.limits(services.oa), len(looks), lane=Lane.INTERACTIVE).granted
        asked = {one.doubt.id: one for one in looks[:permits]}
        asks = [(one.doubt.id, str(one.doubt.user_id), one.asked) for one in asked.values()]
        looks = []
        for number, page in services.conversation.pages(services.oa, access, asks):
            found = asked[number].judge(page, services.clock.now())
            if found is None:
                looks.append(asked[number])
            else:
                judged[number] = found
    return judged


def absence_proves(services: Services) -> bool:
    """Whether absence from the conversation proves that a notice did not arrive.

    Behind a proxy an abandoned request may still arrive. A message sent twice cannot be recalled, so two clocks must
    agree.
    """
    if services.settings.proxy:
        return False
    with services.ledger.connect() as connection:
        return services.shared.second_clock.now(connection) is not None


def record(services: Services, doubts: Sequence[Doubt], judged: Mapping[int, DoubtVerdict]) -> None:
    """Settle the clear doubts, reschedule the unclear ones, and leave those that are too old to an operator."""
    arrived = [doubt for doubt in doubts if judged.get(doubt.id) is DoubtVerdict.ARRIVED]
    absent = [doubt for doubt in doubts if judged.get(doubt.id) is DoubtVerdict.NOT_ARRIVED]
    unclear = [doubt for doubt in doubts if judged.get(doubt.id) is DoubtVerdict.UNCLEAR]
    old = [doubt.id for doubt in unclear if doubt.question.age >= GIVE_UP]
    again = [(doubt.id, next_look(doubt.question.age)) for doubt in unclear if doubt.question.age < GIVE_UP]
    unasked = [(doubt.id, 1.0) for doubt in doubts if doubt.id not in judged]
    with services.ledger.begin() as tx:
        moved = uncertain.settle(tx, services.oa, arrived, absent, by="settle")
        uncertain.look_again(tx, again + unasked)
        uncertain.leave_to_operator(tx, old)
    if moved or old:
        log.info(
            "settled oa=%s arrived=%d not_arrived=%d to_operator=%d",
            services.oa, len(arrived), len(absent), len(old),
        )  # fmt: skip
