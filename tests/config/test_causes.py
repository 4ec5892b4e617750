"""Causes of "cannot connect": met with real servers and real drivers, and told apart."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator

import pytest
from sqlalchemy import create_engine, make_url
from sqlalchemy.exc import DBAPIError

from config.causes import Cause, cause_of, not_reached
from coordination.connection import BrokerDown, QueueDown, open_redis, redis_errors
from producers.dossiers.mapping import load_mapping
from producers.dossiers.source import Source, SourceUnreachableError
from worker.wire import protocol


@pytest.fixture
def shut() -> int:
    """A port of this machine where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@pytest.fixture
def silent() -> Iterator[int]:
    """A port where connections are taken and nothing is ever said."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield int(listening.getsockname()[1])


def of_ledger(url: str) -> Cause:
    with pytest.raises(DBAPIError) as caught:
        create_engine(url, connect_args={"connect_timeout": 2}).connect()
    return cause_of(caught.value)


def of_redis(url: str) -> Cause:
    with pytest.raises(QueueDown) as caught, redis_errors("answer"):
        open_redis(url).ping()
    return cause_of(caught.value)


def test_a_ledger_tells_its_causes_apart(ledger_url: str, shut: int, silent: int) -> None:
    """psycopg2 raises one type for all of them, and no SQLSTATE."""
    ledger = make_url(ledger_url).set(drivername="postgresql+psycopg2")
    told = {
        Cause.REFUSED: f"postgresql+psycopg2://x@127.0.0.1:{shut}/x",
        Cause.NO_NAME: "postgresql+psycopg2://x@no-such-host.invalid/x",
        Cause.TIMEOUT: f"postgresql+psycopg2://x@127.0.0.1:{silent}/x",
        Cause.NO_DATABASE: ledger.set(database="nothing_here").render_as_string(hide_password=False),
        Cause.TLS: ledger.update_query_dict({"sslmode": "require"}).render_as_string(hide_password=False),
    }
    assert {cause: of_ledger(url) for cause, url in told.items()} == {cause: cause for cause in told}


def test_redis_tells_its_causes_apart(redis_url: str, shut: int, silent: int) -> None:
    """Of a wrong password it has more than one sentence."""
    place = redis_url.rpartition("@")[2].rpartition("/")[0].removeprefix("redis://")
    told = {
        f"redis://127.0.0.1:{shut}/0": Cause.REFUSED,
        "redis://no-such-host.invalid/0": Cause.NO_NAME,
        f"redis://127.0.0.1:{silent}/0": Cause.TIMEOUT,
        f"redis://nobody:wrong@{place}/0": Cause.PASSWORD,
        f"{redis_url.rpartition('/')[0]}/9999": Cause.NO_DATABASE,
    }
    assert {url: of_redis(url) for url in told} == told


def test_the_source_says_why_also_while_it_is_left_alone(shut: int) -> None:
    """The second question within a second is not asked, and has the same answer."""
    source = Source(f"postgresql://x@127.0.0.1:{shut}/x", load_mapping("reference"))
    for _ in range(2):
        with pytest.raises(SourceUnreachableError) as caught:
            source.connected()
        assert Cause.REFUSED.vietnamese in str(caught.value)


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        ('connection to server failed: FATAL:  password authentication failed for user "hcc"', Cause.PASSWORD),
        ('FATAL:  no pg_hba.conf entry for host "10.0.0.7", user "hcc", database "hcc", no encryption', Cause.PASSWORD),
        ("(1045, \"Access denied for user 'hcc'@'10.0.0.7' (using password: YES)\")", Cause.PASSWORD),
        ("(1049, \"Unknown database 'hcc'\")", Cause.NO_DATABASE),
        ("FATAL:  sorry, too many clients already", Cause.FULL),
        ("FATAL:  the database system is starting up", Cause.STARTING),
        ("Redis is loading the dataset in memory", Cause.STARTING),
        ("(0, 0): (403) ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN", Cause.PASSWORD),
        ("Connection.open: (530) NOT_ALLOWED - vhost hcc not found", Cause.NO_DATABASE),
        ("server closed the connection unexpectedly", Cause.CLOSED),
        (protocol.REFUSED, Cause.REFUSED),
        (protocol.NO_NAME, Cause.NO_NAME),
        ("connect timeout", Cause.TIMEOUT),
        ("HTTP 500", Cause.OTHER),
    ],
)
def test_what_servers_and_wires_say_is_told_apart(said: str, cause: Cause) -> None:
    """As they say it; where the driver has types or numbers, these decide."""
    assert cause_of(said) is cause
    assert cause_of(OSError(said)) is cause


def test_a_drivers_type_decides_before_words_and_through_the_chain() -> None:
    """A refused connection stays one when its error's words are of a certificate."""
    error = BrokerDown("the broker does not answer: OperationalError, connection timed out")
    error.__cause__ = ssl.SSLCertVerificationError("self-signed certificate")
    assert cause_of(error) is Cause.TLS


def test_every_cause_is_a_sentence_of_its_own() -> None:
    """Each says what to do, and holds nothing of the error."""
    sentences = {not_reached("Redis", said) for said in ("connection refused", "timeout", "WRONGPASS secret", "odd")}
    assert len(sentences) == 4
    assert len({cause.vietnamese for cause in Cause}) == len(Cause)
    assert not any("secret" in sentence for sentence in sentences)
