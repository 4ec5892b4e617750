"""Answers "why did this person (not) get the message?" for a code as typed, spoken or scanned.

The ledger is asked first, by index only. Only for a dossier without a notice the source is asked, once.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from coordination.connection import QueueDown
from domain.held import Held
from domain.lifecycle import State
from domain.phone import masked_national
from domain.spelling import looks_like_a_code, spellings
from ledger.base.clock import now as ledger_now
from ledger.base.sealing import SealError
from ledger.notices import stuck
from ledger.reports import why
from ledger.reports.why import NoticeFacts
from ledger.source import cursors, sources
from operators.explain.answer import Explanation, NoticeAnswer, Situation, Verdict
from operators.explain.nearest import BESIDE, nearest, slips
from operators.explain.of_absence import AbsenceFacts, verdict_without
from operators.explain.of_notice import Beside, verdict_on
from operators.explain.source_answer import AWAY, LIMIT_SECONDS, SourceAnswer, SourceLook, SourceWord
from operators.holding import held_notices
from operators.phrasebook import Who
from operators.stuck import feed_patience
from producers.dossiers.queries import FEEDS
from worker.services.bootstrap import Services

_log = logging.getLogger("hcc.explain")

_MOST_SHOWN = 200  # characters of a text without a code

_LEDGER_AWAY = Verdict(
    Situation.LEDGER_AWAY,
    "Sổ thông báo tạm thời không trả lời. Tin nhắn vẫn an toàn và sẽ gửi tiếp.",
    "The ledger does not answer at the moment. Messages are safe and will go on.",
    Who.ENGINEER,
    "Thử lại sau ít phút.",
    "Try again in some minutes.",
)


class Explainer:
    """Explains dossiers of some OAs; keeps connections to their sources, so use one for many questions."""

    def __init__(self, services: Iterable[Services]) -> None:
        self._services = list(services)
        self._looks = {one.oa: SourceLook(one.settings) for one in self._services}

    def explain(self, typed: str, *, shows_phone: bool = True) -> Explanation:
        """The answer on the dossier that was meant. Never raises for a ledger or a source that is away.

        `shows_phone`: the sentences may name the phone, masked.
        """
        try:
            codes = spellings(typed)
        except ValueError:
            return _no_code_in(typed)
        try:
            return self._explain(codes, shows_phone=shows_phone) or _no_code_in(typed)
        except (DBAPIError, PoolTimeoutError) as error:
            _log.warning("the ledger did not answer why=%s", type(error).__name__)
            return Explanation(codes[0], _LEDGER_AWAY)

    def close(self) -> None:
        """Close the connections to the sources."""
        for look in self._looks.values():
            look.close()

    def _explain(self, codes: Sequence[str], *, shows_phone: bool) -> Explanation | None:
        """None if no dossier has such a code, nor the text the shape of one."""
        found: dict[str, set[str]] = {}
        for one in self._services:
            with one.ledger.connect() as connection:
                found[one.oa] = why.known(connection, one.oa, codes)
        known = [code for code in codes if any(code in of_oa for of_oa in found.values())]
        if len(known) > 1 and codes[0] not in known:
            return Explanation(codes[0], _several(known), nearest=known)
        code = codes[0] if codes[0] in known or not known else known[0]
        told = [
            answer
            for one in self._services
            if code in found[one.oa] and (answer := _of_notices(one, code, shows_phone=shows_phone))
        ]
        if told:
            return max(told, key=lambda answer: answer.notices[-1].event_at)
        first = sorted(self._services, key=lambda one: code not in found[one.oa])
        answer = self._without(first, code, codes, tracked=bool(known))
        return answer if known or answer.oa or looks_like_a_code(code) else None

    def _without(self, services: Sequence[Services], code: str, codes: Sequence[str], *, tracked: bool) -> Explanation:
        """The answer on a dossier without a notice: of the first OA whose ledger or source knows it.

        All sources together are asked for two seconds at most, and one that hangs for two more.
        """
        answers, until = [], time.monotonic() + LIMIT_SECONDS
        for one in services:
            with one.ledger.connect() as connection:
                odd = why.odd_values(connection, one.oa, code)
                strange = sources.read(connection, one.oa).strange is not None
            ask = not odd and not strange and time.monotonic() < until
            asked = self._looks[one.oa].ask(list(dict.fromkeys([code, *codes]))) if ask else AWAY
            facts = _absence(one, code, odd, asked, tracked=tracked)
            answer = Explanation(asked.code or code, verdict_without(facts), None, (), odd, facts.nearest)
            if odd or asked.code:
                return replace(answer, oa=one.oa)
            answers.append(answer)
        return min(answers, key=lambda answer: _LIKELIEST.get(answer.verdict.situation, 0))


_LIKELIEST = {Situation.POLL_BEHIND: 0, Situation.UNASKED: 1, Situation.UNKNOWN: 2}


def _of_notices(services: Services, code: str, *, shows_phone: bool) -> Explanation | None:
    """The answer by the notices of an OA; None if there are none."""
    with services.ledger.connect() as connection:
        now = ledger_now(connection)
        facts = why.notices(connection, services.oa, code)
        odd = why.odd_values(connection, services.oa, code)
        holds = _holds(connection, services, code, facts, now)
    if not facts:
        return None
    grace = timedelta(days=services.settings.follow_grace_days)
    answers = []
    for one in facts:
        phone = (one.phone_seen or _masked(services, one.phone_sealed)) if shows_phone else None
        beside = Beside(now, grace, holds.get(one.event_key), phone)
        answers.append(
            NoticeAnswer(
                one.event_key, one.kind, one.state, one.reason, one.event_at, verdict_on(one, beside), one.text
            )
        )
    return Explanation(code, answers[-1].verdict, services.oa, answers, odd)


def _holds(
    connection: Connection, services: Services, code: str, facts: Sequence[NoticeFacts], now: datetime
) -> dict[str, Held]:
    """What holds notices that are due and do not leave; empty if there are none, or if that cannot be told now."""
    if any(one.state is State.DUE and (one.due_at <= now or not one.reason) for one in facts):
        with suppress(DBAPIError, QueueDown):
            return held_notices(connection, services, code)
    return {}


def _masked(services: Services, sealed: bytes | None) -> str | None:
    """The phone as a clerk knows it, masked: '09******18'; None if it is erased or cannot be opened."""
    if not sealed:
        return None
    try:
        phone = services.sealer.open(sealed)
    except SealError:
        return None
    return masked_national(phone)


def _absence(
    services: Services, code: str, odd: Sequence[dict[str, object]], asked: SourceAnswer, *, tracked: bool
) -> AbsenceFacts:
    with services.ledger.connect() as connection:
        seconds = stuck.unread_feeds(connection, services.oa, FEEDS).values()
        slowest = max(seconds, default=0.0)
        unknown = asked.word in (SourceWord.ABSENT, SourceWord.AWAY, SourceWord.UNASKED) and not odd
        return AbsenceFacts(
            odd,
            asked,
            tracked,
            all_before=not cursors.untold(connection, services.oa, asked.told),
            first_read=why.first_read(connection, services.oa),
            behind=slowest if slowest > feed_patience(services) else None,
            usual=services.settings.poll_seconds,
            nearest=_nearest(connection, services.oa, code) if unknown and not tracked else (),
        )


def _nearest(connection: Connection, oa: str, code: str) -> list[str]:
    slipped = why.known(connection, oa, slips(code))
    beside = [] if slipped else why.beside(connection, oa, code, most=BESIDE)
    return nearest(code, slipped, beside)


def _several(codes: Sequence[str]) -> Verdict:
    listed = ", ".join(codes)
    vi, en = f"Nhiều hồ sơ giống mã này: {listed}.", f"Several dossiers are like this code: {listed}."
    todo_vi, todo_en = "Ghi đủ dấu chấm và gạch như trên giấy.", "Write dots and dashes as on the paper."
    return Verdict(Situation.SEVERAL, vi, en, Who.CLERK, todo_vi, todo_en)


def _no_code_in(typed: str) -> Explanation:
    vi = "Đây không phải là mã hồ sơ: không thấy mã nào trong đó, mã quá dài hoặc có ký tự lạ."
    en = "This is not a dossier code: there is none in it, or it is too long, or has strange characters."
    todo_vi, todo_en = "Nhập mã như trên giấy tiếp nhận hồ sơ.", "Type the code as on the receipt."
    return Explanation(typed.strip()[:_MOST_SHOWN], Verdict(Situation.NOT_A_CODE, vi, en, Who.CLERK, todo_vi, todo_en))
