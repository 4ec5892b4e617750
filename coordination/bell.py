"""Rings bells: messages that tell a worker that an OA has work, but never which. Loss or duplication does no harm."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any

from amqp.exceptions import MessageNacked, PreconditionFailed  # type: ignore[import-untyped]  # as kombu
from celery import Celery
from kombu.connection import Connection
from kombu.entity import Exchange, Queue
from kombu.messaging import Producer
from redis import Redis
from redis.exceptions import ResponseError

from config.brokers import PATIENCE_SECONDS, broker
from config.causes import cause_of
from config.celeryconfig import QUEUES, ROUTES, STALE_SECONDS, celery_settings, ringing
from config.settings import Settings, load
from coordination.connection import PREFIX, BrokerDown, QueueDown, open_redis, redis_errors
from coordination.sound import begin_anew
from coordination.unheard import UnheardBells

log = logging.getLogger("hcc.bell")

_PENDING_SECONDS = 5  # a pending bell suppresses further rings for this long; then it counts as lost
_NOBODY = "nobody"  # a queue that does not exist
TAKES_NONE = "the broker takes no messages: look at its memory and disk alarms"
OTHER_QUEUES = "the broker refuses: one of its queues is of another type; delete it there, it is made anew"
_LEAVE_SECONDS = 0.1
_SAY_SECONDS = 60.0  # between two log lines about bells that came too late


def ring(oa: str, hops: int = 0) -> None:
    """Ask a worker to deliver the due notices of `oa`. Never raises: the next wake makes up for a lost bell.

    With `hops` it is a call for help: a process already busy with that work passes it on, at most `hops` times.
    """
    _ring("worker.deliver", oa, hops=hops)


def ring_events() -> None:
    """Ask a worker to process Zalo's events; never raises, as above."""
    _ring("producers.events")


def heard(task: str, *arguments: str) -> None:
    """Clear the pending flag: a worker has come, or no bell was sent. The next ring sends a bell. Never raises."""
    with suppress(QueueDown), redis_errors("hear"):
        _redis().delete(_pending(task, arguments))


def _ring(task: str, *arguments: str, hops: int = 0) -> None:
    """Ring, unless a recent bell is still pending or too many bells are unheard.

    Otherwise each bell that finds more work would ring the next one, and each second would add one more.
    """
    with _loss_does_no_harm(task), _producer() as producer:
        if unheard().too_many(ROUTES[task], producer):
            return
        with redis_errors("ring"):
            key = _pending(task, arguments)
            if not _redis().set(key, 1, nx=True, ex=_PENDING_SECONDS) and not begin_anew(
                _redis(), key, _PENDING_SECONDS
            ):
                return
        try:
            _publish(task, (*arguments, hops) if hops else arguments, producer)
        except BaseException:
            heard(task, *arguments)  # the broker did not accept it: clear the flag, so that the next ring tries at once
            raise


def ring_task(task: str) -> None:
    """Ring on behalf of beat, unless too many bells of the task's queue are unheard; never raises, as above."""
    with _loss_does_no_harm(task), _producer() as producer:
        if not _would_pile_up(ROUTES[task], producer):
            _publish(task, (), producer)


def _would_pile_up(queue: str, producer: Any) -> bool:
    """Whether too many bells are unheard; False if the queue cannot be queried: the ring reports faults better."""
    try:
        return unheard().too_many(queue, producer)
    except Exception as error:  # noqa: BLE001 (each broker's client has its own errors)
        log.debug("the queue could not be asked queue=%s why=%s", queue, type(error).__name__)
        return False


def _publish(task: str, arguments: tuple[object, ...], producer: Any) -> None:
    ringer().send_task(task, args=arguments, retry=False, ignore_result=True, producer=producer, **ringing())


@contextmanager
def _loss_does_no_harm(task: str) -> Iterator[None]:
    """Swallow every error of a ring and log one line."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 (each broker's client has its own errors, and the caller's own work is done)
        why = type(_cause(error)).__name__
        log.warning("the bell was not heard, it will be rung again task=%s why=%s", task, why)


@contextmanager
def _producer() -> Iterator[Any]:
    """A producer whose connection is closed if the broker refuses: the broker may have been demoted, for good.

    The connection is not closed on a time-out: a blocked RabbitMQ does not read that a connection has ended.
    """
    with ringer().producer_or_acquire() as producer:
        try:
            yield producer
        except Exception as error:
            if not isinstance(_cause(error), TimeoutError):
                with suppress(Exception):  # the connection is broken anyway
                    producer.connection.collect(_LEAVE_SECONDS)
            raise


def _cause(error: BaseException) -> BaseException:
    """The error of the broker's client, if kombu wrapped it."""
    return error.__cause__ or error


def _pending(task: str, arguments: tuple[str, ...]) -> str:
    return ":".join((f"{PREFIX}bell", task, *arguments))


@cache
def _redis() -> Redis:
    return open_redis(load("redis_url").redis_url)


@cache
def ringer() -> Celery:
    """A separate Celery app for ringing, so that commands and pollers ring alike, inside and outside of a worker.

    A broker that accepts connections but never answers blocks it for seconds only.
    """
    settings = load("redis_url")
    app = Celery("hcc bell", set_as_current=False)
    app.config_from_object(celery_settings(settings))
    app.conf.broker_transport_options = {**app.conf.broker_transport_options, **broker(settings.broker).patience}
    return app


@cache
def unheard() -> UnheardBells:
    """The counter of unheard bells in the queues, on the ringer's app."""
    return UnheardBells(ringer())


class TooLate:
    """Logs that bells came too late: clocks differ by minutes, or no worker ran. At most once a minute per process.

    Connect it to Celery's signal `task_revoked`: a worker whose clock is ahead drops every message, and Celery logs
    that at INFO only.
    """

    def __init__(self) -> None:
        self._silent_until = 0.0

    def __call__(self, sender: object = None, *, expired: bool = False, **_: object) -> None:
        """Handle the signal for a task that was not run."""
        if expired and time.monotonic() >= self._silent_until:
            self._silent_until = time.monotonic() + _SAY_SECONDS
            log.error(
                "bells are dropped: by this host's clock they were rung more than %d minutes ago. If workers ran all "
                "the time, its clock and beat's differ: set them by NTP, `hcc doctor` compares all clocks task=%s",
                STALE_SECONDS / 60, getattr(sender, "name", None),
            )  # fmt: skip


def knock(settings: Settings) -> None:
    """Check that the broker can carry bells: its queues have our type, and it accepts a message.

    Raises `BrokerDown`, whose text contains no password.
    """
    made = broker(settings.broker)
    ways = {**made.celery["broker_transport_options"], **made.patience}
    told = made.celery["broker_url"], made.celery.get("broker_use_ssl", False)
    connection = Connection(  # type: ignore[no-untyped-call]  # kombu ships no types
        told[0], ssl=told[1], transport_options=ways, connect_timeout=PATIENCE_SECONDS
    )
    try:
        channel = connection.default_channel  # Redis is contacted only when a channel is made
        for name in QUEUES:
            queue = Queue(name, Exchange(name), routing_key=name, **made.queue)  # type: ignore[no-untyped-call]  # as above
            queue.bind(channel).declare()  # type: ignore[no-untyped-call]  # as above
        _try_to_publish(channel)
        connection.release()  # type: ignore[no-untyped-call]  # as above
    except Exception as error:
        with suppress(Exception):  # an orderly close would wait for an answer again
            connection.collect(_LEAVE_SECONDS)  # type: ignore[no-untyped-call]  # as above
        raise error if isinstance(error, BrokerDown) else BrokerDown(_why_not(error)) from error


def _try_to_publish(channel: Any) -> None:
    """Publish messages that nobody receives; on Redis they go into a list that is deleted at once.

    It publishes two: RabbitMQ confirms the first, blocks the connection because of it, and reads no more.
    """
    producer = Producer(channel)  # type: ignore[no-untyped-call]  # as above
    try:
        for _ in range(2):
            producer.publish(  # type: ignore[no-untyped-call]  # as above
                "", exchange="", routing_key=_NOBODY, timeout=PATIENCE_SECONDS, confirm_timeout=PATIENCE_SECONDS
            )
    except Exception as error:
        if not isinstance(_cause(error), MessageNacked | TimeoutError):
            raise
        raise BrokerDown(TAKES_NONE) from error
    if channel.connection.client.transport.driver_type == "redis":
        channel.client.delete(_NOBODY)


def _why_not(error: Exception) -> str:
    """The reason as text: the broker is away, or it answers and refuses, with its error."""
    if isinstance(_cause(error), ResponseError):
        return f"the broker answers and refuses: {type(_cause(error)).__name__}"
    if isinstance(_cause(error), PreconditionFailed):
        return OTHER_QUEUES
    return f"the broker does not answer: {type(error).__name__}, {cause_of(error).english}"
