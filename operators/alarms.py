"""Alarms reach a person by mail, by chat to subscribed staff, and by a heartbeat that stops.

A thread of the `web` process looks. It does not depend on the worker or beat: it sees their faults in the ledger. If
`web` itself ends, or the ledger cannot be asked, the heartbeat (HCC_PING_URL) stops.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from coordination.bell import ring
from coordination.connection import QueueDown
from domain.alarm import AlarmCause, AlarmFacts, alarm_json
from domain.clock import to_the_second
from domain.event import event_key
from domain.kinds import STAFF_ALARM
from domain.lane import Lane
from ledger.base.away import why_away
from ledger.notices import notices
from ledger.notices.notices import NewNotice
from ledger.reports import alarms, reports
from ledger.reports.alarms import Alarm
from ledger.source import sources
from operators.able import unable
from operators.mail import MailFault, send_mail
from operators.runbooks import runbook
from operators.stuck import stuck_now
from operators.template_files import bad_templates
from worker.services.bootstrap import Services
from worker.services.deployment import Deployment
from worker.wire.ask import ask
from worker.wire.protocol import Call, Reply

log = logging.getLogger("hcc.alarms")

EVERY_OA = ""
_LOOKS = 2  # consecutive looks before an alarm begins or ends; a single look may have met a restart
_MAILS = 20  # per look
_OFTEN, _SELDOM = 1.0, 30.0  # seconds between looks


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that is wrong now. `oa` is `EVERY_OA` if it concerns all OAs; `says` is a sentence with the remedy."""

    oa: str
    cause: AlarmCause
    what: str
    says: str

    @property
    def key(self) -> tuple[str, str]:
        """The identity of an alarm: OA and cause."""
        return self.oa, f"{self.cause}:{self.what}".rstrip(":")


class Watchman:
    """Looks repeatedly. Not thread-safe: one thread uses it."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._settings = deployment.shared.settings
        self._seen: dict[tuple[str, str], int] = {}  # consecutive looks that found it
        self._gone: dict[tuple[str, str], int] = {}  # consecutive looks that did not find a lasting alarm
        self._looks = 0
        self._ours = set[tuple[str, str]]()  # the faults of files that this host has had
        self._away: datetime | None = None  # since when the ledger is unavailable; None while it works
        self._to_mail: list[tuple[str, str]] = []  # letters about it that the mail server has not taken yet

    @property
    def every(self) -> float:
        """Seconds between looks."""
        shortest = min(services.settings.stuck_seconds for services in self._deployment)
        return max(_OFTEN, min(_SELDOM, shortest / 10))

    def look(self) -> None:
        """Look once: begin and end alarms, send their mails, and send the heartbeat if nothing is stuck."""
        found = {one.key: one for one in findings(self._deployment)}
        self._looks += 1
        self._ours |= {key for key, one in found.items() if one.cause is AlarmCause.TEMPLATE}
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

    def _lasting(self, found: Mapping[tuple[str, str], Trouble]) -> dict[tuple[str, str], Trouble]:
        self._seen = {key: self._seen.get(key, 0) + 1 for key in found}
        return {key: one for key, one in found.items() if self._seen[key] >= _LOOKS}

    def _keep(self, found: Mapping[tuple[str, str], Trouble], certain: Mapping[tuple[str, str], Trouble]) -> None:
        """Begin and end alarms in the ledger, each change in a transaction of its own, then send the mails."""
        ledger = self._deployment.shared.ledger
        with ledger.connect() as connection:
            lasting = {(alarm.oa, alarm.cause): alarm for alarm in alarms.lasting(connection)}
        gone = [key for key, alarm in lasting.items() if key not in found and self._may_end(alarm)]
        self._gone = {key: self._gone.get(key, 0) + 1 for key in gone}
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

    def _may_end(self, alarm: Alarm) -> bool:
        """Another host's bad file is not mended because ours is good. After a start we do not know whose it was."""
        known = (alarm.oa, alarm.cause) in self._ours or self._looks <= _LOOKS
        return known or alarm.sort != AlarmCause.TEMPLATE

    def _chat(self, tx: Connection, alarm: Alarm | None) -> set[str]:
        """Record the notices to staff about the alarm or its end; returns the OAs that have new ones to send."""
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
        """Mail each begun and each ended alarm once; stop at the first mail refused and retry at the next look."""
        if not self._settings.alarm_mail:
            return
        with self._deployment.shared.ledger.begin() as tx:
            for alarm, is_known in alarms.to_mail(tx, _MAILS):
                if not self._post(*letter(alarm, is_known=is_known)):
                    return
                alarms.mailed(tx, alarm)

    def _tell_of_the_ledger(self, finding: Trouble | None) -> None:
        """The one alarm that the ledger cannot store; a restart of this process reports it again.

        It is logged once. A letter that the mail server refuses is tried again at each look.
        """
        if finding is not None and self._away is None:
            self._away = datetime.now(UTC)
            log.error("alarm cause=%s oa=* why=%s", finding.cause, finding.says)
            self._to_mail.append(
                ("[HCC Notify] Báo động", f"{finding.says}\n\nViệc cần làm: {runbook(finding.cause)}.")
            )
        elif finding is None and self._away is not None and not self._seen.get((EVERY_OA, AlarmCause.LEDGER)):
            log.warning("alarm is over cause=%s oa=*", AlarmCause.LEDGER)
            says = f"Sổ thông báo làm việc lại; báo động từ {to_the_second(self._away)}."
            self._to_mail.append(("[HCC Notify] Đã hết", says))
            self._away = None
        while self._to_mail and self._post(*self._to_mail[0]):
            del self._to_mail[0]

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
        answer = ask(self._deployment.shared.client, Call(0, "GET", self._settings.ping_url, {}))
        if not isinstance(answer, Reply) or answer.status >= 400:  # noqa: PLR2004 (RFC 9110: an error)
            log.warning("no sign of life given why=%s", answer.status if isinstance(answer, Reply) else answer.why)


_STOPS = frozenset(AlarmCause) - {
    AlarmCause.TOKEN, AlarmCause.GUARD, AlarmCause.IDENTITY, AlarmCause.TEMPLATE, AlarmCause.TEST,
}  # fmt: skip
"""Causes that stop the heartbeat: something is stuck, or we cannot know."""


def findings(deployment: Deployment) -> Iterator[Trouble]:
    """Everything that is wrong now and that a person has to hear of."""
    servers = [Trouble(EVERY_OA, cause, "", says) for cause, _, says in unable(deployment.shared)]
    yield from servers
    if any(one.cause is AlarmCause.LEDGER for one in servers):
        return
    try:
        yield from _bad_files(next(iter(deployment)))
        for services in deployment:
            yield from (Trouble(one.oa, one.cause, one.what, one.says) for one in stuck_now(services))
            yield from _kept_back(services)
    except DBAPIError as away:
        yield Trouble(EVERY_OA, AlarmCause.LEDGER, "", f"không hỏi được sổ thông báo ({why_away(away)})")


def _kept_back(services: Services) -> Iterator[Trouble]:
    """Faults of an OA that only a person can end: a dead grant, notices in quarantine, another dossier database."""
    oa = services.oa
    with services.ledger.connect() as connection:
        credential = services.credentials.read(connection, oa)
        quarantined = reports.live_counts(connection, oa)["quarantined"]
        known = sources.read(connection, oa)
    if credential is not None and credential.dead_because is not None:
        says = f"Zalo không còn cho OA gửi ({credential.dead_because}); chạy `hcc oa import`"
        yield Trouble(oa, AlarmCause.TOKEN, "", says)
    if quarantined:
        yield Trouble(oa, AlarmCause.GUARD, "", f"{quarantined} thông báo đang tạm giữ; xem `hcc quarantine list`")
    if known.strange is not None:
        yield Trouble(oa, AlarmCause.IDENTITY, "", "CSDL hồ sơ là một CSDL khác; xem `hcc source adopt`")


def _bad_files(one: Services) -> Iterator[Trouble]:
    """The files are shared by all OAs. Their faults stop no notice, but nobody has the words that were meant."""
    with one.ledger.connect() as connection:
        bad = bad_templates(one, connection)
    if bad:
        says = f"{' '.join(bad.values())} Tin vẫn gửi bằng bản trong sổ; sửa tệp trong templates/"
        yield Trouble(EVERY_OA, AlarmCause.TEMPLATE, "", says)


def letter(alarm: Alarm, *, is_known: bool) -> tuple[str, str]:
    """Subject and body of the mail about an alarm.

    If the alarm ended before its beginning was mailed (not `is_known`), the body contains both.
    """
    about = f" (OA {alarm.oa})" if alarm.oa else ""
    since = f"Từ {to_the_second(alarm.began_at)}{about}: {alarm.says}."
    if alarm.ended_at is None:
        page = runbook(alarm.cause)
        todo = f"Việc cần làm: {page}. " if page else ""
        return f"[HCC Notify] Báo động{about}", f"{since}\n\n{todo}Xem `hcc doctor`.\n"
    over = f"Đã hết lúc {to_the_second(alarm.ended_at)}."
    return f"[HCC Notify] Đã hết{about}", f"{over}\n\n{since}\n" if is_known else f"{since}\n\n{over}\n"


def staff_notices(tx: Connection, oas: list[str], alarm: Alarm) -> dict[str, int]:
    """Record a notice about the alarm or its end for each subscribed staff member; returns how many by OA."""
    facts = AlarmFacts(AlarmCause(alarm.sort), alarm.began_at, alarm.ended_at)
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
    """Start the watching thread, a daemon: it ends with the process."""
    thread = threading.Thread(target=_watch, args=(Watchman(deployment),), name="alarms", daemon=True)
    thread.start()
    return thread


def _watch(watchman: Watchman) -> None:
    pause = threading.Event()
    while True:
        try:
            watchman.look()
        except Exception as error:  # the next look may succeed; this one sent no heartbeat
            log.exception("a look failed why=%s", type(error).__name__)
        pause.wait(watchman.every)
