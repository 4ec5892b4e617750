"""The broker by its URL: one literal table, faults that say what to do and hold no password, TLS that verifies."""

from __future__ import annotations

import ssl

import pytest
from celery import Celery
from kombu.transport import TRANSPORT_ALIASES

from config.brokers import Sentinels, broker, check_broker, check_redis, sentinels
from config.celeryconfig import QUEUES, celery_settings
from config.settings import Settings

_SENTINELS = "sentinel://h1:26379;sentinel://vien:p%40ss@h2/3?master=hcc"


def settings(**urls: str) -> Settings:
    """Settings with these URLs."""
    return Settings(_env_file=None, **urls)  # type: ignore[call-arg, arg-type]


def test_without_a_broker_redis_carries_the_bells() -> None:
    """As it has always been."""
    assert settings(redis_url="redis://one/0").broker == "redis://one/0"
    assert settings(redis_url="redis://one/0", broker_url="amqp://other//").broker == "amqp://other//"


def test_rabbitmq_has_quorum_queues_of_every_name_and_confirms() -> None:
    """Celery itself says what it makes of our settings."""
    app = Celery(set_as_current=False)
    app.config_from_object(
        celery_settings(settings(redis_url="redis://one/0", broker_url="amqp://u:p@h1//;amqp://u:p@h2//"))
    )
    assert {name: queue.queue_arguments for name, queue in app.amqp.queues.items()} == {
        name: {"x-queue-type": "quorum"} for name in QUEUES
    }
    with app.connection_for_write() as connection:
        assert connection.alt == ["amqp://u:p@h1//", "amqp://u:p@h2//"]
        assert connection.transport_options["confirm_publish"] is True


@pytest.mark.parametrize("url", ["redis://h/0", "rediss://h/0", _SENTINELS, "amqp://h//", "amqps://h//"])
def test_a_worker_never_gives_a_broker_up(url: str) -> None:
    """A broker that is away for a night is awaited."""
    conf = celery_settings(settings(redis_url="redis://h/0", broker_url=url))
    assert conf["broker_connection_max_retries"] is None


def test_tls_verifies_the_certificate_and_the_name() -> None:
    """Kombu alone would not: `rediss` takes any certificate, `amqps` any name."""
    assert broker("rediss://h/0").celery["broker_use_ssl"] == {
        "ssl_cert_reqs": ssl.CERT_REQUIRED,
        "ssl_check_hostname": True,
    }
    assert broker("amqps://h//").celery["broker_use_ssl"] == {"cert_reqs": ssl.CERT_REQUIRED, "server_hostname": None}


def test_sentinels_are_told_as_celery_tells_them() -> None:
    """User, password and database stand with any host, and hold for all."""
    assert sentinels(_SENTINELS) == Sentinels((("h1", 26379), ("h2", 26379)), "hcc", 3, "vien", "p@ss")
    conf = broker(_SENTINELS).celery
    assert conf["broker_url"] == "sentinel://vien:p%40ss@h1:26379/3;sentinel://vien:p%40ss@h2:26379/3"
    assert conf["broker_transport_options"]["master_name"] == "hcc"
    assert sentinels("redis://h/0") is None


@pytest.mark.parametrize(
    "url",
    [
        "sentinel://h1:26379",
        "sentinel://h1/0?mastr=hcc",
        "sentinel://:hush℀@h1?master=hcc",
        "sentinel://h1/x?master=hcc",
    ],
)
def test_a_form_that_cannot_be_read_is_answered_by_the_right_one(url: str) -> None:
    """And by nothing of what was given: there may be a password in it."""
    with pytest.raises(ValueError, match="sentinel://máy1") as caught:
        check_redis(url)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("url", ["rediscluster://h:6379", "redis+cluster://h:6379"])
def test_a_redis_cluster_is_refused_and_the_reason_still_stands(url: str) -> None:
    """The day kombu learns it, this test says so."""
    for check in (check_broker, check_redis):
        with pytest.raises(ValueError, match="Redis Cluster không dùng được"):
            check(url)
    assert not [name for name in TRANSPORT_ALIASES if "cluster" in name]


@pytest.mark.parametrize("url", ["http://h", "h:5672", "sqs://"])
def test_another_scheme_is_refused(url: str) -> None:
    """With the list of those that are not."""
    with pytest.raises(ValueError, match="amqp://"):
        check_broker(url)


def test_rabbitmq_cannot_keep_what_redis_keeps() -> None:
    """Limits and marks need Redis, whatever carries the bells."""
    with pytest.raises(ValueError, match="redis://máy"):
        check_redis("amqp://h//")
