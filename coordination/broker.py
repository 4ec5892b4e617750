"""Fixes for kombu's Redis channels (kombu 5.7.0): a worker must survive broker failures and any content of the queues.

Other brokers do not use these classes. The channel for sentinels inherits all fixes.

* If Redis dies during a task, kombu closes the connection. It then restores or acknowledges messages on its channels,
  which read the host of the closed connection: an unexpected AttributeError that ends the worker. Here, using a channel
  of a closed connection raises a connection error, which Celery survives.
* A server may answer with a refusal: it refuses writes, was demoted while running, is loading, is out of memory, or
  requires another password. Kombu treats these as channel errors, for which Celery ends the worker. Here they are
  connection errors: the connection is closed and opened again.
* No message is restored, neither when a channel closes, nor from a worker that died with bells in hand. A bell is only
  a hint, and beat rings again. Entries that are too old in kombu's list of unacknowledged messages are deleted.
* A queue item that is not a bell (`coordination.messages`) is dropped and counted before kombu decodes it. Otherwise it
  would raise an error that ends the worker, or occupy a slot of the prefetch for good.
* A key of kombu's with the wrong Redis type is deleted; its next use creates it again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import Empty
from typing import Any

from kombu.transport import redis as kombu_redis
from redis import Redis
from redis.exceptions import RedisError, ResponseError

from coordination.messages import MessageFault, envelope
from coordination.refusals import refused

_WRONG_TYPE = "wrong type of a key in the broker"


class _MendedQoS(kombu_redis.QoS):
    """The delivered but unacknowledged messages, recorded in this process and in Redis."""

    def append(self, message: Any, delivery_tag: str) -> None:
        """Record a delivered message."""
        with self.channel.minding(self.unacked_index_key, self.unacked_key) as again:
            super().append(message, delivery_tag)  # type: ignore[no-untyped-call]  # kombu ships no types
        if again():
            super().append(message, delivery_tag)  # type: ignore[no-untyped-call]  # kombu ships no types

    def restore_by_tag(self, tag: str, client: Any = None, leftmost: bool = False) -> None:  # noqa: ARG002 (kombu's)
        """Delete a bell whose worker is lost, instead of restoring it."""
        with (
            self.channel.conn_or_acquire(client) as held,
            self.channel.minding(self.unacked_index_key, self.unacked_key),
        ):
            self._remove_from_indices(tag, held.pipeline()).execute()  # type: ignore[no-untyped-call]  # kombu ships no types

    def ack(self, delivery_tag: str) -> None:
        """Acknowledge a message, locally even if the server refuses.

        Otherwise it would count as in hand for good, and with two of them the worker takes no more messages. The
        server's record of it is deleted when it is too old.
        """
        try:
            with self.channel.minding(self.unacked_index_key, self.unacked_key) as again:
                super().ack(delivery_tag)  # type: ignore[no-untyped-call]  # kombu ships no types
            if again():
                super().ack(delivery_tag)  # type: ignore[no-untyped-call]  # kombu ships no types
        except RedisError:
            self._quick_ack(delivery_tag)

    def restore_visible(self, *arguments: Any, **more: Any) -> None:
        """Look for entries that are too old."""
        with self.channel.minding(self.unacked_index_key, self.unacked_key):
            super().restore_visible(*arguments, **more)  # type: ignore[no-untyped-call]  # kombu ships no types


class _Mended:
    """A mixin with the changes to kombu's channel; it must come before kombu's class in the bases."""

    do_restore = False
    QoS = _MendedQoS
    connection: Any
    client: Any
    conn_or_acquire: Any
    connection_errors: Any
    _in_poll: Any
    _queue_cycle: Any

    def _connparams(self, asynchronous: bool = False) -> Any:
        if self.connection is None or self.connection.client is None:
            raise ConnectionError("the connection of this channel is closed")
        return super()._connparams(asynchronous)  # type: ignore[misc]  # kombu's, behind us

    def _brpop_read(self, **options: Any) -> bool:
        """Kombu's method, except that it checks an item before decoding it."""
        with self._listening(), self.minding(*self._lists()):
            try:
                found = self.client.parse_response(self.client.connection, "BRPOP", **options)
            except self.connection_errors as fault:
                if not _is_of_type(fault):
                    self.client.connection.disconnect()
                raise
            if found:
                self._take(*found)
                return True
        raise Empty

    @contextmanager
    def _listening(self) -> Iterator[None]:
        try:
            yield
        finally:
            self._in_poll = None
            self._flush_brpop_reauth()  # type: ignore[attr-defined]  # kombu's, behind us

    def _take(self, key: bytes | str, item: bytes | str) -> None:
        separator: str = self.sep  # type: ignore[attr-defined]  # as above
        queue = _text(key).rsplit(separator, 1)[0]
        self._queue_cycle.rotate(queue)
        read = envelope(item)
        if isinstance(read, MessageFault):
            refused(read)
        else:
            self.connection._deliver(read, queue)  # noqa: SLF001 (kombu's own entry point)

    def _lists(self) -> list[str]:
        steps: Any = self.priority_steps  # type: ignore[attr-defined]  # kombu's, behind us
        queues: Any = self.active_queues  # type: ignore[attr-defined]  # as above
        return [self._q_for_pri(queue, step) for queue in queues for step in steps]  # type: ignore[attr-defined]  # as above

    def _size(self, queue: str) -> int:
        steps: Any = self.priority_steps  # type: ignore[attr-defined]  # as above
        keys = [self._q_for_pri(queue, step) for step in steps]  # type: ignore[attr-defined]  # as above
        with self.minding(*keys):
            return int(super()._size(queue))  # type: ignore[misc]  # as above
        return 0

    def get_table(self, exchange: str) -> list[tuple[str, ...]]:
        """The queues that are bound to an exchange."""
        with self.minding(self._table(exchange)):
            return list(super().get_table(exchange))  # type: ignore[misc]  # as above
        return []

    def _queue_bind(self, exchange: str, *arguments: Any) -> None:
        with self.minding(self._table(exchange)) as again:
            super()._queue_bind(exchange, *arguments)  # type: ignore[misc]  # as above
        if again():
            super()._queue_bind(exchange, *arguments)  # type: ignore[misc]  # as above

    def _table(self, exchange: str) -> str:
        return str(self.keyprefix_queue % exchange)  # type: ignore[attr-defined]  # as above

    @contextmanager
    def minding(self, *keys: str) -> Iterator[Callable[[], bool]]:
        """Delete those of these keys that prove to have a wrong type; the yielded function returns whether it did."""
        thrown = False
        try:
            yield lambda: thrown
        except ResponseError as fault:
            if not _is_of_type(fault):
                raise
            thrown = True
            self._throw_away(keys)

    def _throw_away(self, keys: tuple[str, ...]) -> None:
        """Delete the keys whose type does not match their kind; the prefix is added explicitly."""
        prefix: str = self.global_keyprefix  # type: ignore[attr-defined]  # kombu's, behind us
        with self.conn_or_acquire() as client:
            for key in keys:
                held = _text(Redis.execute_command(client, "TYPE", prefix + key))  # type: ignore[no-untyped-call]  # as above
                if held not in ("none", _type_of(key)):
                    Redis.execute_command(client, "DEL", prefix + key)  # type: ignore[no-untyped-call]  # kombu ships no types
                    refused(_WRONG_TYPE, what="key thrown away")


def _is_of_type(fault: Exception) -> bool:
    """Whether the error is WRONGTYPE: neither a refusal nor a connection error."""
    return isinstance(fault, ResponseError) and "WRONGTYPE" in str(fault)


def _text(answer: bytes | str) -> str:
    return answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer


def _type_of(key: str) -> str:
    kinds = {"unacked": "hash", "unacked_index": "zset"}
    return kinds.get(key, "set" if key.startswith("_kombu.binding.") else "list")


class BellChannel(_Mended, kombu_redis.Channel):
    """A channel to a single Redis."""


class SentinelChannel(_Mended, kombu_redis.SentinelChannel):
    """A channel to the Redis that sentinels name."""


def mend() -> None:
    """Make every broker connection of this process use our channels, and disconnect from a server that refuses."""
    known = (*kombu_redis.Transport.connection_errors, RedisError)
    kombu_redis.Transport.connection_errors = known
    kombu_redis.SentinelTransport.connection_errors = known
    kombu_redis.Transport.Channel = BellChannel
    kombu_redis.SentinelTransport.Channel = SentinelChannel
