"""Alarms reach a person: by mail, in the chat of staff who asked for it, and by a heartbeat that stops.

One thread of the `web` process looks: it is no part of what it watches. Whatever worker and beat suffer it sees in the
ledger; if it ends itself, or cannot know, the heartbeat (HCC_PING_URL) stays away.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from operators.able import unable
from operators.mail import MailFault, send_mail
from operators.stuck import stuck_now
from worker.bootstrap import Services
from worker.deployment import Deployment
from worker.domain.alarm import AlarmCause, AlarmFacts, alarm_json
from worker.domain.clock import to_the_second
from worker.domain.event import event_key
from worker.domain.kinds import STAFF_ALARM
from worker.domain.lane import Lane
from worker.ledger import alarms, notices, reports, sources
from worker.ledger.alarms import Alarm
from worker.ledger.away import why_away
from worker.ledger.notices import NewNotice
from worker.queue.bell import ring
from worker.queue.connection import QueueDown
from worker.wire.ask import ask
from worker.wire.protocol import Call, Reply

log = logging.getLogger("hcc.alarms")

EVERY_OA = ""
_LOOKS = 2  # what is so for one look may be a restart
_MAILS = 20  # a look
_OFTEN, _SELDOM = 1.0, 30.0  # seconds between looks


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong now: `oa` is `EVERY_OA` for what concerns all; `says` is a sentence with its cure."""

    oa: str
    cause: AlarmCause
    what: str
    says: str

    @property
    def key(self) -> tuple[str, str]:
        """By which an alarm is one: of an OA, by its cause."""
        return self.oa, f"{self.cause}:{self.what}".rstrip(":")


class Watchman:
    """Looks again and again. To be used by one thread."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._settings = deployment.shared.settings
        self._seen: dict[tuple[str, str], int] = {}  # for how many looks in a row
        self._gone: dict[tuple[str, str], int] = {}
        self._away: datetime | None = None  # since when the ledger, which keeps the alarms, is away and it was mailed

    @property
    def every(self) -> float:
        """Seconds from look to look."""
        shortest = min(services.settings.stuck_seconds for services in self._deployment)
        return max(_OFTEN, min(_SELDOM, shortest / 10))

    def look(self) -> None:
        """Look once: begin and end alarms, send what is to be sent, and give the sign of life where all is well."""
        found = {one.key: one for one in findings(self._deployment)}
        certain = self._lasting(found)
        ledger = next((one for one in certain.values() if one.cause is AlarmCause.LEDGER), None)
        self._tell_of_the_ledger(ledger)
        if not any(one.cause is AlarmCause.LEDGER for one in found.values()):
            try:
                self._keep(found, certain)
            except DBAPIError as away:
                log.warning("alarms put off why=%s", why_away(away))
        if not any(one.cause in _STOPS for one in found.values()):
            self._ping()

    def _lasting(self, found: Mapping[tuple[str, str], Finding]) -> dict[tuple[str, str], Finding]:
        self._seen = {key: self._seen.get(key, 0) + 1 for key in found}
        return {key: one for key, one in found.items() if self._seen[key] >= _LOOKS}

    def _keep(self, found: Mapping[tuple[str, str], Finding], certain: Mapping[tuple[str, str], Finding]) -> None:
        """Compare with the alarms that the ledger has; each change in a transaction of its own, then the mails."""
        ledger = self._deployment.shared.ledger
        with ledger.connect() as connection:
            lasting = {(alarm.oa, alarm.cause): alarm for alarm in alarms.lasting(connection)}
        self._gone = {key: self._gone.get(key, 0) + 1 for key in lasting if key not in found}
        for key in certain.keys() - lasting.keys():
            with ledger.begin() as tx:
                begun = alarms.begin(tx, *key, certain[key].says)
                chats = self._chat(tx, begun)
            if begun:
                log.error("alarm cause=%s oa=%s why=%s", begun.cause, begun.oa or "*", certain[key].says)
                self._ring(chats)
        for key, looks in self._gone.items():
            if looks >= _LOOKS:
                with ledger.begin() as tx:
                    ended = alarms.end(tx, lasting[key].id)
                    chats = self._chat(tx, ended)
                if ended:
                    log.warning("alarm is over cause=%s oa=%s", ended.cause, ended.oa or "*")
                    self._ring(chats)
        self._mail()

    def _chat(self, tx: Connection, alarm: Alarm | None) -> set[str]:
        """Record the alarm, or its end, for staff; returns the OAs with something to send."""
        if alarm is None:
            return set()
        told = staff_notices(tx, [alarm.oa] if alarm.oa else self._deployment.oas, alarm)
        return {oa for oa, new in told.items() if new}

    def _ring(self, oas: set[str]) -> None:
        for oa in oas:
            try:
                ring(oa)
            except QueueDown as away:  # a sweep rings later
                log.warning("no bell rung oa=%s why=%s", oa, away)

    def _mail(self) -> None:
        """Each begun and ended alarm once; what the server does not take is tried again at the next look."""
        if not self._settings.alarm_mail:
            return
        with self._deployment.shared.ledger.begin() as tx:
            for alarm, is_known in alarms.to_mail(tx, _MAILS):
                if not self._post(*letter(alarm, is_known=is_known)):
                    return
                alarms.mailed(tx, alarm)

    def _tell_of_the_ledger(self, finding: Finding | None) -> None:
        """The one alarm that the ledger cannot keep; told again after a restart of this process."""
        if finding is not None and self._away is None:
            log.error("alarm cause=%s oa=* why=%s", finding.cause, finding.says)
            if self._post("[HCC Notify] Báo động", finding.says):
                self._away = datetime.now(UTC)
        elif finding is None and self._away is not None and not self._seen.get((EVERY_OA, AlarmCause.LEDGER)):
            log.warning("alarm is over cause=%s oa=*", AlarmCause.LEDGER)
            if self._post(
                "[HCC Notify] Đã hết", f"Sổ thông báo làm việc lại; báo động từ {to_the_second(self._away)}."
            ):
                self._away = None

    def _post(self, subject: str, body: str) -> bool:
        known = self._settings
        if not known.alarm_mail:
            return True
        try:
            send_mail(known.mail_url, known.mail_from, known.alarm_mail, subject, body)
        except MailFault as fault:
            log.warning("alarm not mailed, tried again why=%s", fault)
            return False
        return True

    def _ping(self) -> None:
        if not self._settings.ping_url:
            return
        answer = ask(self._deployment.shared.wire, Call(0, "GET", self._settings.ping_url, {}))
        if not isinstance(answer, Reply) or answer.status >= 400:  # noqa: PLR2004 (RFC 9110: an error)
            log.warning("no sign of life given why=%s", answer.status if isinstance(answer, Reply) else answer.why)


_STOPS = frozenset(AlarmCause) - {AlarmCause.TOKEN, AlarmCause.GUARD, AlarmCause.IDENTITY, AlarmCause.TEST}
"""What keeps the heartbeat away: something is stuck, or we cannot know."""


def findings(deployment: Deployment) -> Iterator[Finding]:
    """All that a person has to hear of, as it is now."""
    servers = [Finding(EVERY_OA, cause, "", says) for cause, _, says in unable(deployment.shared)]
    yield from servers
    if any(one.cause is AlarmCause.LEDGER for one in servers):
        return
    try:
        for services in deployment:
            yield from (Finding(one.oa, one.cause, one.what, one.says) for one in stuck_now(services))
            yield from _kept_back(services)
    except DBAPIError as away:
        yield Finding(EVERY_OA, AlarmCause.LEDGER, "", f"không hỏi được sổ thông báo ({why_away(away)})")


def _kept_back(services: Services) -> Iterator[Finding]:
    """What waits for a person and for nothing else."""
    oa = services.oa
    with services.ledger.connect() as connection:
        credential = services.credentials.read(connection, oa)
        quarantined = reports.live_counts(connection, oa)["quarantined"]
        known = sources.read(connection, oa)
    if credential is not None and credential.dead_because is not None:
        says = f"Zalo không còn cho OA gửi ({credential.dead_because}); chạy `hcc oa import`"
        yield Finding(oa, AlarmCause.TOKEN, "", says)
    if quarantined:
        yield Finding(oa, AlarmCause.GUARD, "", f"{quarantined} thông báo đang tạm giữ; xem `hcc quarantine list`")
    if known.strange is not None:
        yield Finding(oa, AlarmCause.IDENTITY, "", "CSDL hồ sơ là một CSDL khác; xem `hcc source adopt`")


def letter(alarm: Alarm, *, is_known: bool) -> tuple[str, str]:
    """Subject and body of the mail about an alarm; where its end comes before its beginning was told, of both."""
    about = f" (OA {alarm.oa})" if alarm.oa else ""
    since = f"Từ {to_the_second(alarm.began_at)}{about}: {alarm.says}."
    if alarm.ended_at is None:
        return f"[HCC Notify] Báo động{about}", f"{since}\n\nXem `hcc doctor`.\n"
    over = f"Đã hết lúc {to_the_second(alarm.ended_at)}."
    return f"[HCC Notify] Đã hết{about}", f"{over}\n\n{since}\n" if is_known else f"{since}\n\n{over}\n"


def staff_notices(tx: Connection, oas: list[str], alarm: Alarm) -> dict[str, int]:
    """Record an alarm, or its end, for the staff of these OAs who asked for it; returns how many by OA."""
    facts = AlarmFacts(AlarmCause(alarm.cause.partition(":")[0]), alarm.began_at, alarm.ended_at)
    new: dict[str, list[NewNotice]] = {}
    for oa, follower in alarms.staff_to_tell(tx, oas):
        new.setdefault(oa, []).append(_notice(follower, alarm, facts))
    return {oa: len(notices.record(tx, oa, of_oa)) for oa, of_oa in new.items()}


def _notice(follower: int, alarm: Alarm, facts: AlarmFacts) -> NewNotice:
    code, now = f"staff-{follower}", datetime.now(UTC)
    occurrence = f"{alarm.id}.{'over' if alarm.ended_at else 'begun'}"
    return NewNotice(
        event_key=event_key(code, STAFF_ALARM, occurrence),
        code=code,
        kind=STAFF_ALARM,
        unit=None,
        facts={"alarm": alarm_json(facts)},
        person_id=None,
        no_person_because=None,
        event_at=now,
        fresh_at=now,
        follower_id=follower,
        lane=Lane.INTERACTIVE,
    )


def begin_watch(deployment: Deployment) -> threading.Thread:
    """Look for good, in a thread that ends with its process."""
    thread = threading.Thread(target=_watch, args=(Watchman(deployment),), name="alarms", daemon=True)
    thread.start()
    return thread


def _watch(watchman: Watchman) -> None:
    pause = threading.Event()
    while True:
        try:
            watchman.look()
        except Exception as error:  # whatever it is, the next look may go well, and the heartbeat stayed away
            log.exception("a look failed why=%s", type(error).__name__)
        pause.wait(watchman.every)
