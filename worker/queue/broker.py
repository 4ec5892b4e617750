"""Kombu's Redis channel, mended: a worker must outlive its broker (kombu 5.7.0).

When Redis dies under a running task, kombu closes the connection and then restores or acknowledges messages on its
channels, which ask the closed connection for its host: an AttributeError that nobody expects, and the worker ends. Here
a channel restores nothing when it closes (a bell is only a hint, and the wake rings again), and using one after its
connection was closed is what it is: a connection error, which Celery survives.
"""

from __future__ import annotations

from typing import Any

from kombu.transport import redis as kombu_redis


class Channel(kombu_redis.Channel):
    """As kombu's, but for a connection that is gone."""

    do_restore = False

    def _connparams(self, asynchronous: bool = False) -> Any:
        if self.connection is None or self.connection.client is None:
            raise ConnectionError("the connection of this channel is closed")
        return super()._connparams(asynchronous)  # type: ignore[no-untyped-call]


def mend() -> None:
    """Let every broker connection of this process use our channel."""
    kombu_redis.Transport.Channel = Channel
