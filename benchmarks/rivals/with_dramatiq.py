"""dramatiq: a message for each notice, threads, one statement of SQLAlchemy Core for each step, requests.

dramatiq acknowledges after the work and sets its own prefetch count. The middleware that this duty does not need
(limits on age and time, callbacks, pipelines) is left out, which is slightly faster. Source: dramatiq 2,
"User Guide", "Advanced Topics", "Best Practices".
"""

from __future__ import annotations

import sys
import threading
import time
import uuid
from collections.abc import Sequence

import dramatiq
import requests
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware import Retries
from sqlalchemy import create_engine

from benchmarks.rivals import enqueue as command
from benchmarks.rivals.ledger import CLAIM, DATABASE, REDIS, ROOM, SETTLE, TIMEOUT_SECONDS, ZALO
from benchmarks.rivals.plan import HEADERS, PATH, message

broker = RedisBroker(url=REDIS, middleware=[Retries()])
dramatiq.set_broker(broker)
engine = create_engine(
    DATABASE.replace("postgresql:", "postgresql+psycopg2:"),
    pool_size=min(ROOM, 20),
    max_overflow=0,
    isolation_level="AUTOCOMMIT",  # each step is one statement, and so one transaction, without a separate BEGIN
)
_here = threading.local()


@dramatiq.actor
def send(number: int) -> None:
    """Claim, send, complete."""
    lease = uuid.uuid4().hex
    with engine.connect() as connection:
        claimed = connection.exec_driver_sql(CLAIM, {"id": number, "lease": lease}).one_or_none()
    if claimed is None:
        return
    began = time.monotonic()
    answer = _http().post(ZALO + PATH, json=message(*claimed), headers=HEADERS, timeout=TIMEOUT_SECONDS).json()
    if answer["error"] != 0:
        raise ValueError(answer["error"])
    ms = round((time.monotonic() - began) * 1000)
    settled = {"id": number, "lease": lease, "message_id": answer["data"]["message_id"], "ms": ms}
    with engine.connect() as connection:
        connection.exec_driver_sql(SETTLE, settled)


def _http() -> requests.Session:
    """One session, and so one kept-alive connection, per thread."""
    if not hasattr(_here, "session"):
        _here.session = requests.Session()
        _here.session.trust_env = False  # the look-up of proxies costs a third of each call
    session: requests.Session = _here.session
    return session


def enqueue(numbers: Sequence[int]) -> None:
    """Send one message for each notice."""
    for number in numbers:
        send.send(number)


if __name__ == "__main__":
    command.main(enqueue, *sys.argv[1:])
