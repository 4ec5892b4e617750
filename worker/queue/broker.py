"""Kombu's Redis channels, mended: a worker must outlive its broker, and whatever lies in it (kombu 5.7.0).

Other brokers never see them. The channel for sentinels inherits all of it.

* When Redis dies under a running task, kombu closes the connection and then restores or acknowledges messages on its
  channels, which ask the closed connection for its host: an AttributeError that nobody expects, and the worker ends.
  Here using a channel after its connection was closed is what it is: a connection error, which Celery survives.
* A server that answers with a refusal is as far away: it refuses writes, was demoted alive, is loading, out of memory,
  wants another password. Kombu takes these for errors of a channel, for which Celery lets the worker end; here they are
  errors of the connection, which is left and opened anew.
* Nothing is restored: neither when a channel closes, nor from a worker that died with bells in hand. A bell is only a
  hint, and beat rings again. What is too old in kombu's list of these is forgotten.
* An item of a queue that is no bell (`worker.queue.messages`) is dropped and counted before kombu takes it apart. It
  would raise an error there that ends the worker, or take a place of the prefetch for good.
* A key of kombu's that is of another type than kombu makes it is thrown away, and made anew by its next use.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import Empty
from typing import Any

from kombu.transport import redis as kombu_redis
from redis import Redis
from redis.exceptions import RedisError, ResponseError

from worker.queue.messages import MessageFault, envelope
from worker.queue.refusals import refused

_WRONG_TYPE = "wrong type of a key in the broker"


class _MendedQoS(kombu_redis.QoS):
    """What was given and not acknowledged yet: known to this process, and noted in Redis."""

    def append(self, message: Any, delivery_tag: str) -> None:
        """Note a message that was given."""
        with self.channel.minding(self.unacked_index_key, self.unacked_key) as again:
            super().append(message, delivery_tag)  # type: ignore[no-untyped-call]  # kombu ships no types
        if again():
            super().append(message, delivery_tag)  # type: ignore[no-untyped-call]  # kombu ships no types

    def restore_by_tag(self, tag: str, client: Any = None, leftmost: bool = False) -> None:  # noqa: ARG002 (kombu's)
        """Forget a bell whose worker is lost."""
        with (
            self.channel.conn_or_acquire(client) as held,
            self.channel.minding(self.unacked_index_key, self.unacked_key),
        ):
            self._remove_from_indices(tag, held.pipeline()).execute()  # type: ignore[no-untyped-call]  # kombu ships no types

    def ack(self, delivery_tag: str) -> None:
        """Note that a message is done with, also where the server refuses to hear so.

        Else it would be counted as in hand for good, and with two of them the worker takes nothing more. What the
        server still has of it is forgotten when it is too old.
        """
        try:
            with self.channel.minding(self.unacked_index_key, self.unacked_key) as again:
                super().ack(delivery_tag)  # type: ignore[no-untyped-call]  # kombu ships no types
            if again():
                super().ack(delivery_tag)  # type: ignore[no-untyped-call]  # kombu ships no types
        except RedisError:
            self._quick_ack(delivery_tag)

    def restore_visible(self, *arguments: Any, **more: Any) -> None:
        """Look for what is too old."""
        with self.channel.minding(self.unacked_index_key, self.unacked_key):
            super().restore_visible(*arguments, **more)  # type: ignore[no-untyped-call]  # kombu ships no types


class _Mended:
    """What a channel does otherwise than kombu's; to be inherited before kombu's own."""

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
        """Kombu's own, but that it looks at an item before it takes it apart."""
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
            self.connection._deliver(read, queue)  # noqa: SLF001 (kombu's own way in)

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
        """Which queues are bound to an exchange."""
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
        """Where one of these keys turns out to be of a wrong type, it is thrown away; tells whether one was."""
        thrown = False
        try:
            yield lambda: thrown
        except ResponseError as fault:
            if not _is_of_type(fault):
                raise
            thrown = True
            self._throw_away(keys)

    def _throw_away(self, keys: tuple[str, ...]) -> None:
        """Those of the keys whose type is not that of their kind; the prefix is put before them by hand."""
        prefix: str = self.global_keyprefix  # type: ignore[attr-defined]  # kombu's, behind us
        with self.conn_or_acquire() as client:
            for key in keys:
                held = _text(Redis.execute_command(client, "TYPE", prefix + key))  # type: ignore[no-untyped-call]  # as above
                if held not in ("none", _type_of(key)):
                    Redis.execute_command(client, "DEL", prefix + key)  # type: ignore[no-untyped-call]  # kombu ships no types
                    refused(_WRONG_TYPE, what="key thrown away")


def _is_of_type(fault: Exception) -> bool:
    """Whether the server says that a key is of another type: no refusal, and no fault of the connection."""
    return isinstance(fault, ResponseError) and "WRONGTYPE" in str(fault)


def _text(answer: bytes | str) -> str:
    return answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer


def _type_of(key: str) -> str:
    kinds = {"unacked": "hash", "unacked_index": "zset"}
    return kinds.get(key, "set" if key.startswith("_kombu.binding.") else "list")


class Channel(_Mended, kombu_redis.Channel):
    """To one Redis."""


class SentinelChannel(_Mended, kombu_redis.SentinelChannel):
    """To the Redis that sentinels name."""


def mend() -> None:
    """Let every broker connection of this process use our channels, and leave a server that refuses."""
    known = (*kombu_redis.Transport.connection_errors, RedisError)
    kombu_redis.Transport.connection_errors = known
    kombu_redis.SentinelTransport.connection_errors = known
    kombu_redis.Transport.Channel = Channel
    kombu_redis.SentinelTransport.Channel = SentinelChannel
