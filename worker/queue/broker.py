"""Kombu's Redis channels, mended: a worker must outlive its broker (kombu 5.7.0). Other brokers never see them.

When Redis dies under a running task, kombu closes the connection and then restores or acknowledges messages on its
channels, which ask the closed connection for its host: an AttributeError that nobody expects, and the worker ends. Here
a channel restores nothing when it closes (a bell is only a hint, and the wake rings again), and using one after its
connection was closed is what it is: a connection error, which Celery survives. The channel for sentinels inherits both.

A server that answers with a refusal is as far away: it refuses writes, was demoted alive, is loading, out of memory,
wants another password. Kombu takes these for errors of a channel, for which Celery lets the worker end; here they are
errors of the connection, which is left and opened anew.
"""

from __future__ import annotations

from typing import Any

from kombu.transport import redis as kombu_redis
from redis.exceptions import RedisError


class ForgivingQos(kombu_redis.QoS):
    """What a channel has handed out: a message is done with, though the server refuses to hear so.

    Else it would be counted as in hand for good, and with two of them the worker takes nothing more. The server hands
    it out once more when its time is over, which does no harm.
    """

    def ack(self, delivery_tag: str) -> None:
        """As kombu's."""
        try:
            super().ack(delivery_tag)  # type: ignore[no-untyped-call]  # kombu ships no types
        except RedisError:
            self._quick_ack(delivery_tag)


class _Mended:
    """What a channel does otherwise than kombu's; to be inherited before kombu's own."""

    do_restore = False
    QoS = ForgivingQos
    connection: Any

    def _connparams(self, asynchronous: bool = False) -> Any:
        if self.connection is None or self.connection.client is None:
            raise ConnectionError("the connection of this channel is closed")
        return super()._connparams(asynchronous)  # type: ignore[misc]  # kombu's, behind us


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
