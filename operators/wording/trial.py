"""Sends the sample of a template to a member of the staff, as a notice of its own kind: by the ordinary path.

Only followers whom an operator granted numbers or alarms get one, so that no sample reaches a citizen.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import uuid4

from sqlalchemy import Connection

from domain.event import event_key
from domain.kinds import TEMPLATE_TRIAL
from domain.lane import Lane
from domain.letters import rendered
from domain.phone import read_phone
from domain.proofreading import TemplateFault
from domain.template_source import TemplateSource
from domain.wording import Wording
from ledger.base.audit import audit
from ledger.notices import notices
from ledger.notices.notices import NewNotice
from ledger.people import staff
from operators.wording.deeds import TemplateAuthor, TemplateRefusal
from worker.services.bootstrap import Services
from worker.services.proofs import faults_of

_LONGEST = 64  # of a phone or a user id


def send_trial(
    services: Services, kind: str, source: TemplateSource, whom: str, author: TemplateAuthor
) -> TemplateRefusal | Sequence[TemplateFault]:
    """Record a notice with the sample for `whom`, a phone or a Zalo user id; empty if it will be sent.

    The caller rings. A source that may not be proposed is not sent either.
    """
    if faults := faults_of(services, kind, source):
        return faults
    text = rendered(kind, Wording(kind, source.message), services.sample(kind))
    with services.ledger.begin() as tx:
        follower = _follower(tx, services, whom.strip()[:_LONGEST])
        if follower is None or not staff.is_granted(tx, services.oa, follower):
            return TemplateRefusal.NOT_STAFF
        notices.record(tx, services.oa, [_notice(follower, kind, text)])
        audit(tx, services.oa, "template send", f"{kind}: follower {follower}", by=author.by, why=author.why)
    return ()


def _follower(tx: Connection, services: Services, named: str) -> int | None:
    """The ledger's number of a follower, by the Zalo user id or a phone that is linked."""
    if not named:
        return None
    found = staff.follower(tx, services.oa, named)
    if found is not None:
        return found
    phone = read_phone(named).e164
    user = services.people.user_of(tx, services.oa, phone) if phone else None
    return staff.follower(tx, services.oa, user) if user else None


def _notice(follower: int, kind: str, text: str) -> NewNotice:
    code, now = f"staff-{follower}", datetime.now(UTC)
    return NewNotice(
        event_key=event_key(code, TEMPLATE_TRIAL, uuid4().hex),
        code=code,
        kind=TEMPLATE_TRIAL,
        unit=None,
        facts={"trial": {"kind": kind, "text": text}},
        person_id=None,
        no_person_because=None,
        event_at=now,
        fresh_at=now,
        follower_id=follower,
        lane=Lane.INTERACTIVE,
    )
