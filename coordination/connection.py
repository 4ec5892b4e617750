"""Connects to Redis, and defines the one error that callers of this package see."""

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

_ANSWER_SECONDS = 2.0  # one connect or one answer; no command of this package blocks on the server
_RETRIES = 1  # redis-py's ten, for the connect and again for the call, would block a worker for minutes
_HEALTH_SECONDS = 15  # a connection idle for longer is checked before use
_REFUSALS: dict[type[ResponseError], str] = {  # subclasses first
    ReadOnlyError: "READONLY",
    MasterDownError: "MASTERDOWN",
    ClusterDownError: "CLUSTERDOWN",
}
_WORDS = frozenset({"MISCONF", "NOREPLICAS", "UNBLOCKED"})
_WAITS = {"socket_timeout": _ANSWER_SECONDS, "socket_connect_timeout": _ANSWER_SECONDS, "socket_keepalive": True}


class QueueDown(Exception):  # noqa: N818 (a state of the world, not an error of the caller)
    """Redis did not carry out the command. Nothing may be sent after it; the ledger still has everything."""


class BrokerDown(QueueDown):
    """The broker that carries the bells is unusable: away, refusing, or set up wrongly."""


def open_redis(url: str) -> Redis:
    """A client on `url` (text in, text out). It connects on first use, so this never fails if the server is away.

    `redis://`, `rediss://` (TLS, verified), or `sentinel://` (`config.brokers`). With sentinels each new connection
    asks them for the master, and a connection to a demoted server is closed. A call may be retried after a lost
    connection, and so run twice: every script in this package tolerates that.
    """
    return Redis(connection_pool=_pool(url))


@cache
def _pool(url: str) -> ConnectionPool:
    """The connection pool that all clients of a process on one Redis share; `config.connections` sets its maximum."""
    found = sentinels(url)
    if found is None:
        pool = BlockingConnectionPool.from_url(url, timeout=_ANSWER_SECONDS, **_manners())
        pool.connection_class = _leaving(pool.connection_class)
        return pool
    ask = {"password": found.sentinel_password, "retry": Retry(NoBackoff(), 0), **_WAITS}  # the next sentinel is tried
    enter = {"db": found.db, "username": found.user, "password": found.password}
    guard: Any = Sentinel(found.places, sentinel_kwargs=ask)  # type: ignore[no-untyped-call]  # redis-py has none here
    return cast("ConnectionPool", guard.master_for(found.master, **enter, **_manners()).connection_pool)


def _elsewhere(refusal: ResponseError) -> str | None:
    """The word of a refusal that no retry on this connection changes; redis-py keeps only the class of some."""
    for kind, word in _REFUSALS.items():
        if isinstance(refusal, kind):
            return word
    word = str(refusal).partition(" ")[0]
    return word if word in _WORDS else None


@cache
def _leaving(kind: type[Any]) -> type[Any]:
    """A connection class that disconnects from a server that can no longer serve: its address may lead elsewhere.

    The connection class for sentinels does so by itself.
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
    """The options of every connection."""
    retry = Retry(ExponentialWithJitterBackoff(base=0.05, cap=0.5), _RETRIES)
    return {
        "decode_responses": True,
        "health_check_interval": _HEALTH_SECONDS,
        "retry": retry,
        "max_connections": REDIS_MOST,
        **_WAITS,
    }


@contextmanager
def redis_errors(deed: str) -> Iterator[None]:
    """Convert every Redis error to `QueueDown`, whose text states which deed failed and why."""
    try:
        yield
    except RedisError as fault:
        raise QueueDown(f"Redis could not {deed}: {type(fault).__name__}: {fault}") from fault


def lua_beside(module: str) -> str:
    """The text of the Lua script next to `module` (its `__file__`) with the same name."""
    return Path(module).with_suffix(".lua").read_text(encoding="utf-8")
