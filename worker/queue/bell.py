"""Ringing the bell: a message that says "there is work" for an OA, never what. Lost or doubled, it does no harm."""

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
from worker.queue.connection import PREFIX, BrokerDown, QueueDown, door, open_redis
from worker.queue.sound import begin_anew
from worker.queue.unheard import UnheardBells

log = logging.getLogger("hcc.bell")

_PENDING_SECONDS = 5  # so long one bell stands for all that are rung meanwhile; then it counts as lost
_NOBODY = "nobody"  # a queue that there is not
TAKES_NONE = "the broker takes no messages: look at its memory and disk alarms"
OTHER_QUEUES = "the broker refuses: one of its queues is of another type; delete it there, it is made anew"
_LEAVE_SECONDS = 0.1
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
    with _loss_does_no_harm(task), _producer() as producer:
        if unheard().too_many(ROUTES[task], producer):
            return
        with door("ring"):
            key = _pending(task, arguments)
            if not _redis().set(key, 1, nx=True, ex=_PENDING_SECONDS) and not begin_anew(
                _redis(), key, _PENDING_SECONDS
            ):
                return
        try:
            _publish(task, (*arguments, hops) if hops else arguments, producer)
        except BaseException:
            heard(task, *arguments)  # the broker did not take it: nothing pends, and the next one to ring tries at once
            raise


def ring_task(task: str) -> None:
    """Beat's: ring unless too many bells of its queue hang unheard; never raises, as above."""
    with _loss_does_no_harm(task), _producer() as producer:
        if not _would_pile_up(ROUTES[task], producer):
            _publish(task, (), producer)


def _would_pile_up(queue: str, producer: Any) -> bool:
    """Looking first is a kindness, no condition: where the queue cannot be asked, the ring tells the fault better."""
    try:
        return unheard().too_many(queue, producer)
    except Exception as error:  # noqa: BLE001 (each broker's client has its own errors)
        log.debug("the queue could not be asked queue=%s why=%s", queue, type(error).__name__)
        return False


def _publish(task: str, arguments: tuple[object, ...], producer: Any) -> None:
    ringer().send_task(task, args=arguments, retry=False, ignore_result=True, producer=producer, **ringing())


@contextmanager
def _loss_does_no_harm(task: str) -> Iterator[None]:
    """One line is all that it costs."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 (each broker's client has its own errors, and the caller's work is done)
        why = type(_cause(error)).__name__
        log.warning("the bell was not heard, it will be rung again task=%s why=%s", task, why)


@contextmanager
def _producer() -> Iterator[Any]:
    """On a connection that is left where the broker refuses: it may be one that was demoted, and stays so for good.

    Not where nothing was heard: RabbitMQ does not read, while it is blocked, that a connection has ended.
    """
    with ringer().producer_or_acquire() as producer:
        try:
            yield producer
        except Exception as error:
            if not isinstance(_cause(error), TimeoutError):
                with suppress(Exception):  # of a connection that is broken anyway
                    producer.connection.collect(_LEAVE_SECONDS)
            raise


def _cause(error: BaseException) -> BaseException:
    """What the broker's client said, where kombu gave it another name."""
    return error.__cause__ or error


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
    """See that the broker does what bells need: its queues are ours, and it takes a message.

    Raises `BrokerDown`, whose sentence holds no password.
    """
    made = broker(settings.broker)
    ways = {**made.celery["broker_transport_options"], **made.patience}
    told = made.celery["broker_url"], made.celery.get("broker_use_ssl", False)
    connection = Connection(  # type: ignore[no-untyped-call]  # kombu ships no types
        told[0], ssl=told[1], transport_options=ways, connect_timeout=PATIENCE_SECONDS
    )
    try:
        channel = connection.default_channel  # Redis is not asked before there is a channel
        for name in QUEUES:
            queue = Queue(name, Exchange(name), routing_key=name, **made.queue)  # type: ignore[no-untyped-call]  # as above
            queue.bind(channel).declare()  # type: ignore[no-untyped-call]  # as above
        _try_to_publish(channel)
        connection.release()  # type: ignore[no-untyped-call]  # as above
    except Exception as error:
        with suppress(Exception):  # in order it would wait for an answer once more
            connection.collect(_LEAVE_SECONDS)  # type: ignore[no-untyped-call]  # as above
        raise error if isinstance(error, BrokerDown) else BrokerDown(_why_not(error)) from error


def _try_to_publish(channel: Any) -> None:
    """Messages that nobody will get; on Redis they go into a list that goes at once.

    Two of them: RabbitMQ confirms the first one on a connection that it blocks for it, and hears no more.
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
    """Whether the broker is away, or answers and refuses, and with which words."""
    if isinstance(_cause(error), ResponseError):
        return f"the broker answers and refuses: {type(_cause(error)).__name__}"
    if isinstance(_cause(error), PreconditionFailed):
        return OTHER_QUEUES
    return f"the broker does not answer: {type(error).__name__}, {cause_of(error).english}"
