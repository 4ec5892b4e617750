"""Redis and brokers over TLS: whoever cannot prove who it is gets no password and no bell."""

from __future__ import annotations

import ssl
from collections.abc import Callable

import pytest
from sqlalchemy import make_url

from config.settings import Settings
from coordination.bell import knock
from coordination.connection import QueueDown, open_redis, redis_errors
from sandbox.servers import Servers
from tests.scaling.tls_front import tls_front

Certificate = Callable[[str], tuple[ssl.SSLContext, str]]


def ping(url: str) -> None:
    """Ask Redis as all of our rooms do."""
    with redis_errors("answer"):
        open_redis(url).ping()


def knock_at(url: str) -> None:
    """Ask a broker as the doctor does."""
    knock(Settings(_env_file=None, redis_url="redis://127.0.0.1:1/0", broker_url=url))  # type: ignore[call-arg]


def test_a_redis_that_is_trusted_is_used(
    servers: Servers, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the authorities of the system, or those in SSL_CERT_FILE: no setting of ours."""
    context, trust = certificate("127.0.0.1")
    monkeypatch.setenv("SSL_CERT_FILE", trust)
    with tls_front(context, servers.valkey.port) as port:
        url = make_url(servers.redis_url()).set(drivername="rediss", port=port).render_as_string(hide_password=False)
        ping(url)
        knock_at(url)


@pytest.mark.parametrize("trusted", [False, True], ids=["self-signed", "of another host"])
def test_nobody_else_is(
    servers: Servers, certificate: Certificate, monkeypatch: pytest.MonkeyPatch, trusted: bool
) -> None:
    """Left to themselves kombu would take any certificate from Redis, and any name from RabbitMQ."""
    context, trust = certificate("127.0.0.2" if trusted else "127.0.0.1")
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", trust)
    with tls_front(context, servers.valkey.port) as port:
        with pytest.raises(QueueDown, match="certificate verify failed"):
            ping(f"rediss://:hush@127.0.0.1:{port}/0")
        for scheme in ("rediss", "amqps"):
            with pytest.raises(QueueDown, match="the broker does not answer") as caught:
                knock_at(f"{scheme}://guest:hush@127.0.0.1:{port}/0")
            assert "certificate verify failed" in str(caught.value.__cause__)
            assert "hush" not in str(caught.value)
