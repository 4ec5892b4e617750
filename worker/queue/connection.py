"""The door to Redis: how we connect, and the one error that callers of this room see."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, cast

from redis import BlockingConnectionPool, ConnectionPool, Redis, RedisError
from redis.backoff import ExponentialWithJitterBackoff, NoBackoff
from redis.exceptions import ClusterDownError, MasterDownError, ReadOnlyError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.retry import Retry
from redis.sentinel import Sentinel

from config.brokers import sentinels
from config.connections import REDIS_MOST

PREFIX = "hcc:"  # every key of ours begins with it

_ANSWER_SECONDS = 2.0  # one connect or one answer; nothing in this room blocks on the server's side
_RETRIES = 1  # redis-py's ten, tried at the connect and again at the call, would hold a worker for minutes
_HEALTH_SECONDS = 15  # a connection idle for longer is tried before it is trusted
_REFUSALS: dict[type[ResponseError], str] = {  # the narrower class first
    ReadOnlyError: "READONLY",
    MasterDownError: "MASTERDOWN",
    ClusterDownError: "CLUSTERDOWN",
}
_WORDS = frozenset({"MISCONF", "NOREPLICAS", "UNBLOCKED"})
_WAITS = {"socket_timeout": _ANSWER_SECONDS, "socket_connect_timeout": _ANSWER_SECONDS, "socket_keepalive": True}


class QueueDown(Exception):  # noqa: N818 (a state of the world, as the callers read it, not an error of theirs)
    """Redis did not do what was asked. Nothing may be sent on the strength of it; the ledger still has everything."""


class BrokerDown(QueueDown):
    """What carries the bells does not let us in."""


def open_redis(url: str) -> Redis:
    """A client on `url` (text in, text out); it connects when it is first used, so this never fails for a server away.

    `redis://`, `rediss://` (TLS, verified), or `sentinel://` (`config.brokers`): then each new connection asks the
    sentinels for the master, and one to a server that was demoted is left. A call may be repeated after a cut
    connection, and so run twice: every script in this room bears that.
    """
    return Redis(connection_pool=_pool(url))


@cache
def _pool(url: str) -> ConnectionPool:
    """All clients of a process on one Redis share its connections: at most so many as `config.connections` counts."""
    found = sentinels(url)
    if found is None:
        pool = BlockingConnectionPool.from_url(url, timeout=_ANSWER_SECONDS, **_manners())
        pool.connection_class = _leaving(pool.connection_class)
        return pool
    ask = {"password": found.sentinel_password, "retry": Retry(NoBackoff(), 0), **_WAITS}  # the next one is asked
    enter = {"db": found.db, "username": found.user, "password": found.password}
    guard: Any = Sentinel(found.places, sentinel_kwargs=ask)  # type: ignore[no-untyped-call]  # redis-py has none here
    return cast("ConnectionPool", guard.master_for(found.master, **enter, **_manners()).connection_pool)


def _elsewhere(refusal: ResponseError) -> str | None:
    """The word of a refusal that no other try on this connection will change; of some redis-py keeps but the class."""
    for kind, word in _REFUSALS.items():
        if isinstance(refusal, kind):
            return word
    word = str(refusal).partition(" ")[0]
    return word if word in _WORDS else None


@cache
def _leaving(kind: type[Any]) -> type[Any]:
    """A kind of connection that leaves a server which cannot do its part any more: its address may lead elsewhere.

    The one that sentinels lead to does so by itself.
    """

    class LeavingConnection(kind):  # type: ignore[misc]  # of redis-py, plain or TLS
        def read_response(self, *words: Any, **more: Any) -> Any:
            try:
                return super().read_response(*words, **more)
            except ResponseError as refusal:
                word = _elsewhere(refusal)
                if word is None:
                    raise
                self.disconnect()
                raise RedisConnectionError(f"the server refuses: {word}") from refusal

    return LeavingConnection


def _manners() -> dict[str, Any]:
    """How every connection behaves."""
    retry = Retry(ExponentialWithJitterBackoff(base=0.05, cap=0.5), _RETRIES)
    return {
        "decode_responses": True,
        "health_check_interval": _HEALTH_SECONDS,
        "retry": retry,
        "max_connections": REDIS_MOST,
        **_WAITS,
    }


@contextmanager
def door(deed: str) -> Iterator[None]:
    """Whatever goes wrong inside leaves as `QueueDown`, whose sentence says which deed failed and why."""
    try:
        yield
    except RedisError as fault:
        raise QueueDown(f"Redis could not {deed}: {type(fault).__name__}: {fault}") from fault


def lua_beside(module: str) -> str:
    """The text of the Lua script that stands beside `module` (its `__file__`) under the same name."""
    return Path(module).with_suffix(".lua").read_text(encoding="utf-8")
