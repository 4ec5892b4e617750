"""Incident 31: Redis, bell and shared memory, answers with a refusal instead of what it was asked for."""

from __future__ import annotations

import threading
import time
from contextlib import suppress

import pytest
import redis

from tests.chaos.conftest import Begin
from tests.chaos.refusals import Refusal, play, some_of
from tests.chaos.run import Run
from tests.chaos.scale import SHORT, TEST_SECONDS, whole_only

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(TEST_SECONDS)]

_SECONDS = 8 if SHORT else 40
_ENDLESS = "while true do end"


def _tell(run: Run, *words: str) -> None:
    with redis.Redis.from_url(run.servers.redis_url(), socket_timeout=2) as client:
        client.execute_command(*words)


def _cannot_save(run: Run) -> None:
    """There is no room for its snapshots, or no right to write them."""
    _tell(run, "CONFIG", "SET", "appendonly", "no")
    _tell(run, "CONFIG", "SET", "save", "3600 1")
    run.servers.valkey.close_folder()
    _tell(run, "BGSAVE")
    run.until(lambda: _says(run, "MISCONF"), "the server to refuse", 20)


def _can_save(run: Run) -> None:
    run.servers.valkey.open_folder()
    _tell(run, "BGSAVE")
    run.until(lambda: not _says(run, "MISCONF"), "the server to take writes", 20)


def _demote(run: Run) -> None:
    """Alive, and the replica of a master that does not answer."""
    _tell(run, "REPLICAOF", "127.0.0.1", "1")


def _promote(run: Run) -> None:
    _tell(run, "REPLICAOF", "NO", "ONE")


def _demote_blind(run: Run) -> None:
    """As before, and it does not answer questions either."""
    _tell(run, "CONFIG", "SET", "replica-serve-stale-data", "no")
    _demote(run)


def _full(run: Run) -> None:
    _tell(run, "CONFIG", "SET", "maxmemory", "1")


def _roomy(run: Run) -> None:
    _tell(run, "CONFIG", "SET", "maxmemory", "0")


def _lock(run: Run) -> None:
    """Another password, and everybody is sent away."""
    with redis.Redis.from_url(run.servers.redis_url()).client() as client:
        client.config_set("requirepass", "another")
        client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")


def _unlock(run: Run) -> None:
    usual = redis.connection.parse_url(run.servers.redis_url())
    with redis.Redis(**{**usual, "password": "another"}) as client:
        client.config_set("requirepass", usual["password"])


def _busy(run: Run) -> None:
    """A script that does not end; it has written nothing, so that it can be ended."""
    _tell(run, "CONFIG", "SET", "busy-reply-threshold", "100")

    def spin() -> None:
        with suppress(redis.RedisError), redis.Redis.from_url(run.servers.redis_url()) as client:
            client.eval(_ENDLESS, 0)

    threading.Thread(target=spin, daemon=True).start()
    run.until(lambda: _says(run, "BUSY"), "the server to refuse", 20)


def _idle(run: Run) -> None:
    _tell(run, "SCRIPT", "KILL")


def _says(run: Run, word: str) -> bool:
    try:
        _tell(run, "SET", "somebody", "asks")
    except redis.RedisError as refusal:
        return word in str(refusal)
    return False


def _forget_scripts(run: Run) -> None:
    _tell(run, "SCRIPT", "FLUSH")


REFUSALS = (
    Refusal("cannot-save", _cannot_save, _can_save, "không ghi được xuống đĩa"),
    Refusal("demoted", _demote, _promote, "máy dự phòng, chỉ cho đọc"),
    Refusal("demoted-and-blind", _demote_blind, _promote, "máy dự phòng"),
    Refusal("out-of-memory", _full, _roomy, "hết bộ nhớ"),
    Refusal("locked", _lock, _unlock, "mật khẩu"),
    Refusal("busy", _busy, _idle, "SCRIPT KILL"),
)


@pytest.mark.parametrize("refusal", some_of(REFUSALS, "demoted"), ids=str)
def test_31_redis_answers_and_refuses(begin: Begin, refusal: Refusal) -> None:
    """Incident 31: worker and beat live, a bell that is refused costs one line, and all is told when it works again."""
    play(begin(**refusal.begins), refusal, _SECONDS)


@whole_only
def test_31_redis_forgets_its_scripts(run: Run) -> None:
    """Incident 31: nothing is held up at all."""
    run.load.feed(run.dossier_count // 2)
    run.reach(1)
    _forget_scripts(run)
    run.feed()
    run.last_blow = time.monotonic()
    assert run.freed(30.0) < 30.0
