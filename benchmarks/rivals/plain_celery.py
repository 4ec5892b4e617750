"""Plain Celery: a message for each notice, a session of SQLAlchemy's ORM for each step, requests.

It follows the documentation for tasks that must not be lost: `acks_late`, no results. Prefetch and pool are those
measured as best (benchmarks.tuning). Source: Celery 5.7, "Tasks", "Optimizing", "Workers Guide".
"""

from __future__ import annotations

import sys
import threading
import time
import uuid
from collections.abc import Sequence
from datetime import datetime

import requests
from celery import Celery
from sqlalchemy import BigInteger, Identity, create_engine, func, text, update
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, sessionmaker

from benchmarks.rivals import enqueue as command
from benchmarks.rivals.ledger import DATABASE, REDIS, ROOM, TIMEOUT_SECONDS, ZALO
from benchmarks.rivals.plan import HEADERS, PATH, message

app = Celery("benchmarks.rivals.plain_celery", broker=REDIS)
app.conf.update(
    task_acks_late=True,
    task_ignore_result=True,
    worker_prefetch_multiplier=4,
    broker_transport_options={"visibility_timeout": 600},
)
Session = sessionmaker(
    create_engine(DATABASE.replace("postgresql:", "postgresql+psycopg2:"), pool_size=min(ROOM, 40), max_overflow=0)
)
_here = threading.local()


class Base(DeclarativeBase):
    """The base class of the ORM's mappings of the rivals' tables."""


class Notice(Base):
    """A notice."""

    __tablename__ = "rival_notices"
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    user_id: Mapped[str]
    words: Mapped[str]
    state: Mapped[str]
    lease: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    message_id: Mapped[str | None]


class Attempt(Base):
    """An attempt."""

    __tablename__ = "rival_attempts"
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    notice_id: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    outcome: Mapped[str]
    ms: Mapped[int]


@app.task(name="send")
def send(number: int) -> None:
    """Claim, send, complete."""
    lease = uuid.uuid4().hex
    claim = (
        update(Notice)
        .where(Notice.id == number, Notice.state == "due")
        .values(state="sending", lease=lease, lease_until=func.now() + text("interval '60 seconds'"))
        .returning(Notice.user_id, Notice.words)
    )
    with Session.begin() as session:
        claimed = session.execute(claim).one_or_none()
    if claimed is None:
        return
    began = time.monotonic()
    answer = _http().post(ZALO + PATH, json=message(*claimed), headers=HEADERS, timeout=TIMEOUT_SECONDS).json()
    ms = round((time.monotonic() - began) * 1000)
    with Session.begin() as session:
        session.add(Attempt(notice_id=number, outcome="sent" if answer["error"] == 0 else "failed", ms=ms))
        session.execute(
            update(Notice)
            .where(Notice.id == number, Notice.lease == lease)
            .values(state="sent", message_id=answer["data"]["message_id"])
        )


def _http() -> requests.Session:
    """One session, and so one kept-alive connection, per thread."""
    if not hasattr(_here, "session"):
        _here.session = requests.Session()
        _here.session.trust_env = False  # the look-up of proxies costs a third of each call
    session: requests.Session = _here.session
    return session


def enqueue(numbers: Sequence[int]) -> None:
    """Send one message for each notice, over one connection."""
    with app.producer_or_acquire() as producer:
        for number in numbers:
            send.apply_async((number,), producer=producer)


if __name__ == "__main__":
    command.main(enqueue, *sys.argv[1:])
