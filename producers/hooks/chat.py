"""Answers messages in the chat: from the text and the ledger's data it decides on a notice to the writer.

    read → switch off or on → find who may get an answer → look up → drop excess questions → record

"Unknown" and "not yours" are one answer, found by the same statements. The text of a message is not stored.
"""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeAlias

from sqlalchemy import Connection

from domain.event import event_key
from domain.kinds import CHAT_DOSSIERS, CHAT_HELP, CHAT_NOTHING, CHAT_OFF, CHAT_ON
from domain.lane import Lane
from domain.story import Story, shortened, stories_json
from ledger.notices import notices
from ledger.notices.notices import NewNotice
from ledger.people import chat, follows
from ledger.people.chat import Asker
from ledger.people.people import People
from producers.hooks.ask import Ask, Wish, names, read_ask
from producers.hooks.read import ZaloEvent

log = logging.getLogger("hcc.hooks")

MOST_A_MINUTE = 10  # answers to one person
_MINUTE, _DAY = timedelta(minutes=1), timedelta(days=1)
_NEWEST = 5  # dossiers in an answer to "hồ sơ của tôi"
_CURIOUS = frozenset({Wish.DOSSIER, Wish.MINE, Wish.CODE, Wish.OTHER})  # wishes that may be about a dossier
Answers: TypeAlias = dict[int, list[tuple[datetime, bool]]]
_SWITCHES = {Wish.OFF: (CHAT_OFF, "stopped"), Wish.ON: (CHAT_ON, "resumed")}


@dataclass(frozen=True, slots=True)
class ChatQuestion:
    """A message that asks for something; `mark` is unique to the message, whatever it says."""

    user: str
    asker: Asker
    at: datetime
    mark: str
    ask: Ask
    codes: tuple[str, ...] = ()  # the asker's dossiers that it may be about
    number: int = 0  # its place in the inbox


def converse(tx: Connection, oa: str, people: People, messages: Sequence[ZaloEvent]) -> set[str]:
    """Carry out the wishes in messages and record the answers; returns the keys of the answers.

    The cost is bounded first: a person who has had ten answers in the minute is not looked up. All others are looked up
    once, by their newest dossiers.
    """
    questions = _questions(tx, oa, messages)
    if not questions:
        return set()
    _switch(tx, oa, people, questions)
    answers = _answers_of_late(tx, questions)
    wanted = _not_too_much(tx, _with_codes(tx, oa, questions, answers), answers)
    found = chat.stories(tx, oa, {code for question in wanted for code in question.codes})
    return notices.record(tx, oa, [_answer(question, found) for question in wanted])


def _questions(tx: Connection, oa: str, messages: Sequence[ZaloEvent]) -> list[ChatQuestion]:
    """The questions, in the order in which they were written."""
    written = [one for one in messages if one.user_id and one.text]
    if not written:
        return []
    askers = chat.askers(tx, oa, {str(one.user_id) for one in written})
    questions = []
    for one in sorted(written, key=lambda one: (one.at, one.number)):
        user, ask = str(one.user_id), read_ask(str(one.text))
        mark = hashlib.sha256("\n".join(one.message_ids or (one.at.isoformat(),)).encode()).hexdigest()[:16]
        questions.append(ChatQuestion(user, askers[user], one.at, mark, ask, number=one.number))
    return questions


def _with_codes(tx: Connection, oa: str, questions: Sequence[ChatQuestion], answers: Answers) -> list[ChatQuestion]:
    """The questions with the dossiers that they may be about; looks up only those that may be answered."""
    curious = [one for one in questions if one.ask.wish in _CURIOUS and has_room(one, answers[one.asker.follower_id])]
    askers = [one.asker for one in curious]
    theirs = chat.codes(tx, oa, {one.person_id: one.told_from for one in askers if one.person_id is not None})
    known = {one.number: tuple(about(one.ask, theirs.get(one.asker.person_id or 0, ()))) for one in curious}
    return [replace(one, codes=known.get(one.number, ())) for one in questions]


def about(ask: Ask, codes: Sequence[str]) -> Iterable[str]:
    """The asker's dossiers that a message may be about, the newest first."""
    if ask.wish is Wish.MINE:
        return codes[:_NEWEST]
    if ask.wish in (Wish.DOSSIER, Wish.CODE, Wish.OTHER):
        return [code for code in codes if names(ask, code)][:_NEWEST]
    return ()


def _switch(tx: Connection, oa: str, people: People, questions: Sequence[ChatQuestion]) -> None:
    """Switch notices off and on, and store the proof, also for messages that get no answer any more."""
    said = [question for question in questions if question.ask.wish in _SWITCHES]
    if said:
        proofs = [(question.user, _SWITCHES[question.ask.wish][1], question.at) for question in said]
        follows.prove(tx, oa, people, proofs)
        chat.switch(tx, oa, chat.newest([(one.user, one.at, one.number, one.ask.wish is Wish.OFF) for one in said]))


def _answers_of_late(tx: Connection, questions: Sequence[ChatQuestion]) -> Answers:
    """By follower, the answers of the day before the first question: when they asked, and whether it was help."""
    answers: Answers = {question.asker.follower_id: [] for question in questions}
    lately = chat.answered(tx, answers.keys(), min(question.at for question in questions) - _DAY)
    for follower, kind, at in lately:
        answers[follower].append((at, kind == CHAT_HELP))
    return answers


def _not_too_much(tx: Connection, questions: Sequence[ChatQuestion], answers: Answers) -> list[ChatQuestion]:
    """The questions to answer: ten per minute and person; one that was not understood gets help once a day."""
    wanted, ignored = [], Counter[int]()
    for question in questions:
        given = answers[question.asker.follower_id]
        if not may_be_answered(question, given):
            ignored[question.asker.follower_id] += 1
            continue
        given.append((question.at, _kind(question) == CHAT_HELP))
        wanted.append(question)
    if ignored:
        chat.ignore(tx, ignored)
        log.info("messages not answered number=%d people=%d", ignored.total(), len(ignored))
    return wanted


def has_room(question: ChatQuestion, given: Iterable[tuple[datetime, bool]]) -> bool:
    """Whether its writer has had fewer than ten answers in the minute before it."""
    return sum(at > question.at - _MINUTE for at, _ in given) < MOST_A_MINUTE


def may_be_answered(question: ChatQuestion, given: Iterable[tuple[datetime, bool]]) -> bool:
    """Whether a message gets an answer, given those its writer got: when they asked, and whether it was help."""
    answers = list(given)
    understood = question.ask.wish not in (Wish.OTHER, Wish.CODE, Wish.NO) or question.codes
    if not understood and any(is_help and at > question.at - _DAY for at, is_help in answers):
        return False
    return has_room(question, answers)


def _kind(question: ChatQuestion) -> str:
    """The kind of the answer, as far as it depends on the message alone."""
    wish = question.ask.wish
    if wish in _SWITCHES:
        return _SWITCHES[wish][0]
    return CHAT_DOSSIERS if wish in (Wish.DOSSIER, Wish.MINE) or question.codes else CHAT_HELP


def _answer(question: ChatQuestion, found: dict[tuple[int, str], Story]) -> NewNotice:
    """The answer to a question. Its code orders a person's answers, separately from the greetings; lower case keeps it
    distinct from the code of any dossier.
    """
    kind = _kind(question)
    person = question.asker.person_id or 0
    stories = [found[person, code] for code in question.codes if (person, code) in found]
    if kind == CHAT_DOSSIERS and not stories:
        kind = CHAT_NOTHING
    code = f"chat-{question.asker.follower_id}"
    return NewNotice(
        event_key=event_key(code, kind, question.mark),
        code=code,
        kind=kind,
        unit=None,
        facts={"stories": stories_json(shortened(stories))} if stories else {},
        person_id=None,
        no_person_because=None,
        event_at=question.at,
        fresh_at=question.at,
        follower_id=question.asker.follower_id,
        lane=Lane.INTERACTIVE,
    )
