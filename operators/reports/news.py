"""The texts of numbers and news for staff, as they would leave now: the same words that a worker sends."""

from __future__ import annotations

from sqlalchemy import Connection

from domain.kinds import STAFF_DIGEST
from domain.letters import Facts
from domain.story import Digest
from producers.digest import staff_code
from producers.news import UnitNews, numbers
from worker.services.bootstrap import Services

_ANYBODY = 1  # the text names no follower


def news_text(tx: Connection, services: Services, news: UnitNews) -> str:
    """What a member of staff reads of it, by the roll-ups as they are. Raises `LetterError`."""
    return digest_text(services, numbers(tx, services.oa, news))


def digest_text(services: Services, digest: Digest) -> str:
    """What a member of staff reads. Raises `LetterError`."""
    facts = Facts(staff_code(_ANYBODY), digest=digest, place=services.settings.place)
    return services.letters.text(STAFF_DIGEST, facts)
