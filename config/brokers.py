"""Choose the broker that carries the bells by the scheme of one URL, and parse the URL of a Redis behind sentinels.

| scheme        | broker                                      | as                                                     |
|---------------|---------------------------------------------|--------------------------------------------------------|
| redis, rediss | one Redis, rediss over verified TLS         | `redis://:pass@host:6379/0`                            |
| sentinel      | a Redis that sentinels fail over            | `sentinel://h1:26379;sentinel://h2:26379/0?master=hcc` |
| amqp, amqps   | RabbitMQ, quorum queues, confirmed messages | `amqp://user:pass@h1//;amqp://user:pass@h2//`          |

Redis Cluster is not supported: kombu 5.7 has no transport for it (its list: `kombu.transport.TRANSPORT_ALIASES`), and
our scripts use several keys at once, which a cluster stores on different servers.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, parse_qs, quote, unquote, urlsplit

from config.urls import check_url

PATIENCE_SECONDS = 2.0  # time-out of one step of a bell (connect, publish, confirm, close); then it counts as lost
SENTINEL_PORT = 26379

_SENTINEL_FORM = "cần dạng sentinel://máy1:26379;sentinel://máy2:26379/0?master=tên_nhóm"
_VISIBILITY_SECONDS = 120  # a bell not acknowledged in this time goes to another worker; longer than any task may run


@dataclass(frozen=True, slots=True)
class Sentinels:
    """The sentinels to ask for the master of the group `master`, and the credentials for that server."""

    places: tuple[tuple[str, int], ...]
    master: str
    db: int
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    sentinel_password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Broker:
    """The options for Celery to use a broker."""

    celery: dict[str, Any] = field(repr=False)  # settings: URL (with its password), transport, TLS
    queue: dict[str, Any]  # options of each queue, besides its name
    patience: dict[str, Any]  # transport options of a process that only rings: a silent broker must not block it


def broker(url: str) -> Broker:
    """The broker at `url`, which `check_broker` accepted; if none is set, Redis without an address."""
    return _BROKERS[_scheme(url) or "redis"](url)


def sentinels(url: str) -> Sentinels | None:
    """How to find the master that a `sentinel://` URL names; None for the URL of a server. Raises ValueError.

    Hosts are written as in Celery's own form. User, password and database number are those of the servers and may be
    given with any of the hosts. `master` names the group; `sentinel_password` is the sentinels' own, if they have one.
    """
    if _scheme(url) != "sentinel":
        return None
    parts = [_parsed(part if "://" in part else f"sentinel://{part}") for part in url.split(";") if part.strip()]
    asked = {name: values[-1] for part in parts for name, values in parse_qs(part.query).items()}
    places = tuple((part.hostname or "", part.port or SENTINEL_PORT) for part in parts)
    db = next((part.path.strip("/") for part in parts if part.path.strip("/")), "0")
    if not asked.get("master") or asked.keys() - {"master", "sentinel_password"} or not db.isdecimal():
        raise ValueError(_SENTINEL_FORM)
    user = next((unquote(part.username) for part in parts if part.username), None)
    password = next((unquote(part.password) for part in parts if part.password), None)
    return Sentinels(places, asked["master"], int(db), user, password, asked.get("sentinel_password"))


def _parsed(part: str) -> SplitResult:
    """Raises ValueError with our own message: the library's shows a piece of the URL, perhaps of a password."""
    try:
        found = urlsplit(part)
        usable = bool(found.hostname) and found.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ValueError(_SENTINEL_FORM)
    return found


def check_redis(url: str) -> str:
    """The URL of a Redis that we can use. Raises ValueError, in the operator's language."""
    return _checked(url, _REDIS, "redis://máy:6379/0, rediss://… (TLS) hoặc sentinel://…?master=tên_nhóm")


def check_broker(url: str) -> str:
    """The URL of a broker that we can use. Raises ValueError, in the operator's language."""
    usable = "amqp://…, amqps://… (RabbitMQ), redis://…, rediss://… hoặc sentinel://…?master=tên_nhóm"
    return _checked(url, tuple(_BROKERS), usable)


def _checked(url: str, schemes: tuple[str, ...], usable: str) -> str:
    scheme = _scheme(url)
    if "cluster" in scheme:
        raise ValueError(f"Redis Cluster không dùng được (Celery chưa hỗ trợ); dùng {usable}")
    if scheme not in schemes:
        raise ValueError(f"cần {usable}")
    check_url(url)
    sentinels(url)
    return url


def _scheme(url: str) -> str:
    return url.partition("://")[0].lower() if "://" in url else ""


def _redis(url: str) -> Broker:
    return Broker({"broker_url": url, "broker_transport_options": _REDIS_OPTIONS}, {}, _redis_patience(url))


def _redis_tls(url: str) -> Broker:
    """Kombu does not verify certificates by default."""
    plain = _redis(url)
    verified = {"ssl_cert_reqs": ssl.CERT_REQUIRED, "ssl_check_hostname": True}
    return Broker(plain.celery | {"broker_use_ssl": verified}, plain.queue, plain.patience)


def _redis_sentinel(url: str) -> Broker:
    """Each host gets the same user, password and database: kombu takes them from the host that it tries."""
    found = sentinels(url)
    if found is None:
        raise AssertionError("the table of schemes leads here")
    user, password = quote(found.user or "", safe=""), quote(found.password or "", safe="")
    enter = f"{user}:{password}@" if found.password else ""
    urls = ";".join(f"sentinel://{enter}{host}:{port}/{found.db}" for host, port in found.places)
    own: dict[str, Any] = {"socket_timeout": PATIENCE_SECONDS, "socket_connect_timeout": PATIENCE_SECONDS}
    if found.sentinel_password:
        own["password"] = found.sentinel_password
    options = _REDIS_OPTIONS | {"master_name": found.master, "sentinel_kwargs": own}
    return Broker({"broker_url": urls, "broker_transport_options": options}, {}, _redis_patience(urls))


def _rabbitmq(url: str) -> Broker:
    """Quorum queues: a bell counts as rung when a majority has it. Celery counts prefetch per consumer by itself."""
    celery = {
        "broker_url": url,
        "broker_transport_options": {"confirm_publish": True},
    }
    patience = {"read_timeout": PATIENCE_SECONDS, "write_timeout": PATIENCE_SECONDS, **_each_host_twice(url)}
    return Broker(celery, {"queue_arguments": {"x-queue-type": "quorum"}}, patience)


def _rabbitmq_tls(url: str) -> Broker:
    """`server_hostname` None means the host of the URL: without the option the certificate's name is not checked."""
    plain = _rabbitmq(url)
    verified = {"cert_reqs": ssl.CERT_REQUIRED, "server_hostname": None}
    return Broker(plain.celery | {"broker_use_ssl": verified}, plain.queue, plain.patience)


def _redis_patience(url: str) -> dict[str, Any]:
    return {"socket_timeout": PATIENCE_SECONDS, "socket_connect_timeout": PATIENCE_SECONDS, **_each_host_twice(url)}


def _each_host_twice(url: str) -> dict[str, Any]:
    """Try each host twice without a pause: by default kombu sleeps between two tries to connect."""
    return {"max_retries": 2 * len(url.split(";")) - 1, "interval_start": 0, "interval_step": 0}


_REDIS_OPTIONS: dict[str, Any] = {
    "visibility_timeout": _VISIBILITY_SECONDS,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    "health_check_interval": 10,
    "socket_connect_timeout": 5,
    "socket_keepalive": True,
    "global_keyprefix": "hcc:",
}

_REDIS = ("redis", "rediss", "sentinel")
_BROKERS: dict[str, Callable[[str], Broker]] = {
    "redis": _redis,
    "rediss": _redis_tls,
    "sentinel": _redis_sentinel,
    "amqp": _rabbitmq,
    "amqps": _rabbitmq_tls,
}
