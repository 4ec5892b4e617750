"""Reconciles the followers with Zalo to make up for missed events: first the list, then each user's details.

    list, by periods if there are too many to page → details of each → exact interaction time of the recent ones

Its position is stored in a cursor of the ledger and in `synced_at` of each user. It may be interrupted at any time and
resumes there. Calls use the slowest lane of the shared limit: notices go first.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from coordination.bell import ring
from coordination.limits import Lane
from domain.clock import to_vietnam
from domain.free_window import OPEN
from domain.phone_claims import Demand
from ledger.base import setbacks
from ledger.notices import sweep_queries
from ledger.people import followers
from ledger.people.followers import FollowerState
from ledger.people.people import Link
from ledger.people.phonebook import Phonebook
from ledger.source import cursors
from ledger.source.cursors import Cursor
from worker.channels.zalo import users
from worker.channels.zalo.codes import Host, Meaning, look_up
from worker.channels.zalo.tokens import Access, NoAccess
from worker.channels.zalo.users import Detail, UserQuery
from worker.services.bootstrap import Services
from worker.wire.protocol import Call, Result

log = logging.getLogger("hcc.followers")

FEED = "followers"  # the cursor's name
SOURCE = "zalo: shared_info"

_EARLIEST = date(2016, 1, 1)  # no Official Account is older
_AT_ONCE = 200  # queries sent, and then recorded, per batch
_TRIES = 5
_PAUSE = 1.0  # seconds before unanswered queries are retried

Tell = Callable[[int, int], None]  # progress callback: users done, users in total


class SyncStopped(Exception):  # noqa: N818 (a state of the world, reported to whoever runs it)
    """The sync cannot continue now; the text is for the operator. The next run resumes from here."""


@dataclass(slots=True)
class SyncTally:
    """The counts of a run."""

    met: int = 0  # followers not known before
    looked_up: int = 0
    left: int = 0  # known followers who no longer follow
    linked: int = 0
    reopened: int = 0
    out_of_reach: int = 0  # users of one day beyond the 10,000 that Zalo allows to page


class Sync:
    """One sync run for one OA."""

    def __init__(self, services: Services, oa: str, *, by: str) -> None:
        self._services = services
        self._oa = oa
        self._by = by
        self.tally = SyncTally()

    def run(self, tell: Tell) -> SyncTally:
        """Resume the unfinished run, or begin a new one. Raises `SyncStopped`, `QueueDown`."""
        held = self._list(self._begin())
        self._look_up(datetime.fromisoformat(held.position["began"]), tell)
        with self._services.ledger.begin() as tx:
            cursors.end(tx, self._oa, FEED, held)
            setbacks.synced(tx, self._oa, datetime.fromisoformat(held.position["began"]))
        return self.tally

    def _begin(self) -> Cursor:
        now = datetime.now(UTC)
        with self._services.ledger.begin() as tx:
            held = cursors.read(tx, self._oa).get(FEED)
            begun = {"began": now.isoformat(), "todo": [None], "offset": 0}
            held = held or cursors.begin(tx, self._oa, FEED, begun, now)
        if held is None:
            raise SyncStopped("một lần đồng bộ khác đang chạy")
        return held

    def _list(self, held: Cursor) -> Cursor:
        """Page through the remaining periods; a period that is too large is halved."""
        while held.position["todo"]:
            days = _days(held.position["todo"][0])
            offsets = [held.position["offset"] + page * users.PAGE for page in range(_AT_ONCE // users.PAGE)]
            offsets = [offset for offset in offsets if offset <= users.LAST_OFFSET]
            pages = [users.read_list(answer) for answer in self._ask([users.list_followers(o, days) for o in offsets])]
            found = [page for page in pages if page is not None]
            if len(found) < len(pages):
                raise SyncStopped("Zalo không cho biết danh sách người quan tâm")
            held = self._keep_page(held, days, found)
        return held

    def _keep_page(self, held: Cursor, days: tuple[date, date] | None, pages: Sequence[users.Listed]) -> Cursor:
        position, total = held.position, pages[0].total
        rest = position["todo"][1:]
        halves = _halves(days, datetime.now(UTC)) if total > users.REACH and position["offset"] == 0 else []
        after = position["offset"] + len(pages) * users.PAGE
        if halves:
            to = {**position, "todo": [*halves, *rest]}
        elif after >= min(total, users.REACH):
            self.tally.out_of_reach += max(0, total - users.REACH)
            to = {**position, "todo": rest, "offset": 0}
        else:
            to = {**position, "offset": after}
        now = datetime.now(UTC)
        with self._services.ledger.begin() as tx:
            self.tally.met += followers.meet(tx, self._oa, [user for page in pages for user in page.users])
            moved = cursors.advance(tx, self._oa, FEED, held, to=to, polled_at=now)
        if moved is None:
            raise SyncStopped("một lần đồng bộ khác đang chạy")
        return moved

    def _look_up(self, since: datetime, tell: Tell) -> None:
        with self._services.ledger.connect() as connection:
            total = followers.count_to_look_up(connection, self._oa, since)
        done = 0
        tell(done, total)
        while True:
            with self._services.ledger.connect() as connection:
                page = followers.to_look_up(connection, self._oa, since, limit=_AT_ONCE)
            if not page:
                return
            self._keep_details(page, self._ask([users.detail_of(user) for user in page]))
            done += len(page)
            tell(done, max(done, total))

    def _keep_details(self, page: Sequence[str], answers: Sequence[Mapping[str, Any]]) -> None:
        found = {user: _detail(answer) for user, answer in zip(page, answers, strict=True)}
        details = {user: detail for user, detail in found.items() if detail is not None}
        exact = self._exact_interactions(details)
        unclear = [FollowerState(user, None) for user, detail in found.items() if detail is None]
        seen = unclear + [
            FollowerState(user, detail.follows, exact.get(user) or _first_of(detail.interacted_on))
            for user, detail in details.items()
        ]
        links = [Link(user, detail.phone) for user, detail in details.items() if detail.follows and detail.phone]
        with self._services.ledger.begin() as tx:
            came = followers.keep(tx, self._oa, seen, datetime.now(UTC))
            links = followers.unclaimed(tx, self._oa, self._services.people, links)
            demand = Demand(self._services.settings.phone_proof)
            submitted = Phonebook(self._services.people, demand).submit(tx, self._oa, links, source=SOURCE)
            people = submitted.reachable
            days = self._services.settings.follow_grace_days
            reopened = sweep_queries.reopen(tx, [*came, *people], days=days, by=self._by)
        if reopened or submitted.recorded:
            ring(self._oa)
        self.tally.looked_up += len(page)
        self.tally.left += sum(not detail.follows for detail in details.values())
        self.tally.linked += len(people)
        self.tally.reopened += len(reopened)

    def _exact_interactions(self, details: Mapping[str, Detail]) -> dict[str, datetime]:
        """Query the exact time only for users whose window may still be open; for the others the date is enough."""
        oldest = to_vietnam(datetime.now(UTC) - OPEN).date()
        recent = [user for user, one in details.items() if one.follows and (one.interacted_on or oldest) >= oldest]
        answers = self._ask([users.interaction_of(user) for user in recent])
        moments = {user: users.read_interaction(answer) for user, answer in zip(recent, answers, strict=True)}
        return {user: moment for user, moment in moments.items() if moment is not None}

    def _ask(self, questions: Sequence[UserQuery]) -> list[dict[str, Any]]:
        """The answers, in the order of the questions. The queries are idempotent, so retries are safe.

        Raises `SyncStopped`.
        """
        found: dict[int, dict[str, Any]] = {}
        for attempt in range(_TRIES):
            if attempt:
                time.sleep(_PAUSE)
            access = self._access()
            calls = [
                question.call(self._services.settings.zalo_openapi_url, place, access.token)
                for place, question in enumerate(questions)
                if place not in found
            ]
            for call, result in self._permitted(calls):
                answer = users.read_answer(result)
                if answer is not None and self._is_final(answer, access):
                    found[call.tag] = answer
            if len(found) == len(questions):
                return [found[place] for place in range(len(questions))]
        raise SyncStopped("Zalo không trả lời đủ; chạy lại để đi tiếp từ chỗ này")

    def _permitted(self, calls: Sequence[Call]) -> Iterator[tuple[Call, Result]]:
        limits = self._services.limits(self._oa)
        while calls:
            grant = self._services.limiter.take(limits, len(calls), lane=Lane.BULK)
            if grant.granted == 0:
                time.sleep(max(0.05, grant.wait_seconds))
            yield from self._services.client.exchange(calls[: grant.granted])
            calls = calls[grant.granted :]

    def _is_final(self, answer: Mapping[str, Any], access: Access) -> bool:
        """Whether the answer is final. If not, prepare the retry: hold the limit, or renew the access token.

        Raises `SyncStopped` if the set-up is wrong.
        """
        code = answer["error"]
        row = look_up(Host.OPENAPI, code, str(answer.get("message", ""))) if code else None
        if row is not None and row.meaning is Meaning.RATE:
            self._services.limiter.over(self._services.limits(self._oa)[0])
            return False
        if row is not None and row.meaning is Meaning.TOKEN:
            self._services.tokens.renew(self._oa, access.version)
            return False
        if row is not None and row.meaning is Meaning.CONFIG:
            raise SyncStopped(f"Zalo từ chối (mã {code}): {row.reason}")
        return True

    def _access(self) -> Access:
        access = self._services.tokens.access(self._oa)
        if isinstance(access, NoAccess):
            raise SyncStopped(f"{access.why}; chạy `hcc oa import`")
        return access


def _detail(answer: Mapping[str, Any]) -> Detail | None:
    """The user's detail; None for an answer without information about the user.

    A user whom Zalo does not know for this OA does not follow it.
    """
    if users.says_nobody(answer):
        return Detail(follows=False, phone=None, interacted_on=None)
    return users.read_detail(answer) if answer["error"] == 0 else None


def _first_of(day: date | None) -> datetime | None:
    return None if day is None else users.day_begins(day)


def _days(period: Sequence[str] | None) -> tuple[date, date] | None:
    return None if period is None else (date.fromisoformat(period[0]), date.fromisoformat(period[1]))


def _halves(days: tuple[date, date] | None, now: datetime) -> list[list[str]]:
    """Two periods that replace one too large, the newer one first. A single day cannot be halved: empty."""
    first, last = days or (_EARLIEST, to_vietnam(now).date() + timedelta(days=1))
    if first == last:
        return []
    middle = first + (last - first) // 2
    later = middle + timedelta(days=1)
    return [[later.isoformat(), last.isoformat()], [first.isoformat(), middle.isoformat()]]
