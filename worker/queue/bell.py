"""Ringing the bell: a message that says "there is work" for an OA, never what. Lost or doubled, it does no harm."""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from functools import cache

from celery import Celery
from kombu.connection import Connection
from redis import Redis

from config.brokers import PATIENCE_SECONDS, broker
from config.causes import cause_of
from config.celeryconfig import ROUTES, STALE_SECONDS, celery_settings, ringing
from config.settings import Settings, load
from worker.queue.connection import PREFIX, BrokerDown, QueueDown, door, open_redis
from worker.queue.sound import begin_anew
from worker.queue.unheard import UnheardBells

log = logging.getLogger("hcc.bell")

_PENDING_SECONDS = 5  # so long one bell stands for all that are rung meanwhile; then it counts as lost
_SAY_SECONDS = 60.0  # between two lines about bells that came too late


def ring(oa: str, hops: int = 0) -> None:
    """Ask some worker to deliver what is due for `oa`. Never raises: a lost bell is made good by the next wake.

    With `hops` it is a call for help: who is at that work already passes it on, so many times at most.
    """
    _ring("worker.deliver", oa, hops=hops)


def ring_events() -> None:
    """Ask some worker to draw the consequences of Zalo's events; never raises, as above."""
    _ring("producers.events")


def heard(task: str, *arguments: str) -> None:
    """Nothing pends (a worker has come, or there was no bell): the next to ring calls another. Never raises."""
    with suppress(QueueDown), door("hear"):
        _redis().delete(_pending(task, arguments))


def _ring(task: str, *arguments: str, hops: int = 0) -> None:
    """Not where somebody has just rung and nobody has come yet, nor where too many bells hang unheard.

    Otherwise each bell that finds work left would ring the next one, and each second would add one more.
    """
    try:
        if unheard().too_many(ROUTES[task]):
            return
        with door("ring"):
            key = _pending(task, arguments)
            if not _redis().set(key, 1, nx=True, ex=_PENDING_SECONDS) and not begin_anew(
                _redis(), key, _PENDING_SECONDS
            ):
                return
        _publish(task, arguments, hops)
    except Exception as error:  # noqa: BLE001 (each broker's client has its own errors, and the caller's work is done)
        log.warning("the bell was not heard, it will be rung again task=%s why=%s", task, type(error).__name__)


def _publish(task: str, arguments: tuple[str, ...], hops: int) -> None:
    """Hang the bell. Where the broker does not take it, nothing pends, and the next one to ring tries at once."""
    told = (*arguments, hops) if hops else arguments
    try:
        ringer().send_task(task, args=told, retry=False, ignore_result=True, **ringing())
    except BaseException:
        heard(task, *arguments)
        raise


def _pending(task: str, arguments: tuple[str, ...]) -> str:
    return ":".join((f"{PREFIX}bell", task, *arguments))


@cache
def _redis() -> Redis:
    return open_redis(load("redis_url").redis_url)


@cache
def ringer() -> Celery:
    """Its own Celery app, so that commands and pollers ring alike, whether or not they run inside a worker.

    A broker that takes connections and says nothing holds it for seconds, not for good.
    """
    settings = load("redis_url")
    app = Celery("hcc bell", set_as_current=False)
    app.config_from_object(celery_settings(settings))
    app.conf.broker_transport_options = {**app.conf.broker_transport_options, **broker(settings.broker).patience}
    return app


@cache
def unheard() -> UnheardBells:
    """How many bells hang in the queues, as the ringer sees them."""
    return UnheardBells(ringer())


class TooLate:
    """Says that bells came too late: clocks differ by minutes, or no worker ran; once a minute and process.

    To be connected to Celery's signal `task_revoked`: a worker whose clock is ahead drops all it is given, and Celery
    says so at INFO only.
    """

    def __init__(self) -> None:
        self._silent_until = 0.0

    def __call__(self, sender: object = None, *, expired: bool = False, **_: object) -> None:
        """Hear of a task that was not run."""
        if expired and time.monotonic() >= self._silent_until:
            self._silent_until = time.monotonic() + _SAY_SECONDS
            log.error(
                "bells are dropped: by this host's clock they were rung more than %d minutes ago. If workers ran all "
                "the time, its clock and beat's differ: set them by NTP, `hcc doctor` compares all clocks task=%s",
                STALE_SECONDS / 60, getattr(sender, "name", None),
            )  # fmt: skip


def knock(settings: Settings) -> None:
    """See that the broker lets us in. Raises `BrokerDown`, whose sentence holds no password."""
    made = broker(settings.broker)
    ways = {**made.celery["broker_transport_options"], **made.patience}
    told = made.celery["broker_url"], made.celery.get("broker_use_ssl", False)
    try:
        with Connection(  # type: ignore[no-untyped-call]  # kombu ships no types
            told[0], ssl=told[1], transport_options=ways, connect_timeout=PATIENCE_SECONDS
        ) as connection:
            connection.default_channel.close()  # Redis is not asked before there is a channel
    except Exception as error:
        why = f"{type(error).__name__}, {cause_of(error).english}"
        raise BrokerDown(f"the broker does not answer: {why}") from error
