"""Kombu's Redis channels, mended: a worker must outlive its broker (kombu 5.7.0). Other brokers never see them.

When Redis dies under a running task, kombu closes the connection and then restores or acknowledges messages on its
channels, which ask the closed connection for its host: an AttributeError that nobody expects, and the worker ends. Here
a channel restores nothing when it closes (a bell is only a hint, and the wake rings again), and using one after its
connection was closed is what it is: a connection error, which Celery survives. The channel for sentinels inherits both.
"""

from __future__ import annotations

from typing import Any

from kombu.transport import redis as kombu_redis


class _Mended:
    """What a channel does otherwise than kombu's; to be inherited before kombu's own."""

    do_restore = False
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
    """Let every broker connection of this process use our channels."""
    kombu_redis.Transport.Channel = Channel
    kombu_redis.SentinelTransport.Channel = SentinelChannel
