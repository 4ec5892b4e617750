"""Incidents 5, 6, 16, 18, 19 and 21: Zalo is down, slow, lying or strict, and people leave."""

from __future__ import annotations

import time

import pytest
import requests

from tests.chaos.blows import unfollow
from tests.chaos.conftest import Begin
from tests.chaos.dossiers import code_of, user_of
from tests.chaos.run import Run
from tests.chaos.scale import SHORT, TEST_SECONDS, whole_only
from tests.chaos.verdict import all_told, nothing_wrong, promised
from tests.chaos.world import LONG_TIMEOUTS, SEND, free_port

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(TEST_SECONDS)]

_BROKEN = [
    "reset_before", "reset_after", "http_500", "http_502", "http_503",
    "truncated_json", "cut_short", "empty", "empty_body", "garbage", "not_json",
]  # fmt: skip
_OF_EACH = 3 if SHORT else 30
_BREAKAGES = [_BROKEN] if SHORT else [*([kind] for kind in _BROKEN), _BROKEN]
_DOWN_SECONDS = [3.0] if SHORT else [5.0, 60.0]
_OUTCOMES = {
    -213: ("unreachable", "does not follow the OA"),
    -217: ("unreachable", "has blocked invitations from the OA"),
    -201: ("dead", "a field of the request is invalid"),
    -248: ("dead", "violates Zalo's platform standards"),
    -99999: ("dead", "unknown code -99999 from openapi.zalo.me"),
}


@pytest.mark.parametrize("kinds", _BREAKAGES, ids=lambda kinds: kinds[0] if len(kinds) == 1 else "everything")
def test_19_a_fraction_of_zalos_answers_is_broken(run: Run, kinds: list[str]) -> None:
    """Incident 19: with real workers against a Zalo that breaks answers, before or after it accepted."""
    for kind in kinds:
        count = None if len(kinds) == 1 else _OF_EACH
        run.zalo.fault(kind, probability=0.15, count=count, path=SEND, seed=run.dice.randrange(2**31))
    for _ in run.portions(1):
        pass
    run.until(lambda: all(fault["hits"] for fault in run.zalo.faults()), "every fault to strike", 30.0)
    run.zalo.clear_faults()
    verdict = run.verdict()
    promised(verdict)
    assert verdict.doubted > 0 or kinds == ["reset_before"]


def test_05_zalo_is_down_for_a_while_and_no_notice_dies(run: Run) -> None:
    """Incident 5: connections refused under load; no attempt is burnt by waiting, and all goes out, in order."""
    for number in run.portions(len(_DOWN_SECONDS)):
        run.zalo.down()
        time.sleep(_DOWN_SECONDS[number])
        run.zalo.up()
    verdict = run.verdict()
    promised(verdict)
    assert run.scalar("SELECT max(attempts) FROM notices") <= 10  # the breaker waits; the notices do not knock


@whole_only
def test_06_zalo_answers_at_the_edge_of_our_patience(run: Run) -> None:
    """Incident 6: some answers arrive just in time, the others are looked up."""
    run.zalo.fault("delay", ms=2900, probability=0.2, path=SEND, seed=run.dice.randrange(2**31))
    run.zalo.fault("delay", ms=3300, probability=0.05, path=SEND, when="after", seed=run.dice.randrange(2**31))
    for _ in run.portions(1):
        time.sleep(4.0)
        run.zalo.clear_faults()
    promised(run.verdict())


def test_06_zalo_takes_thirty_seconds_and_others_go_on(begin: Begin) -> None:
    """Incident 6: a tenth of the answers takes far longer than we wait; the probes stay green, the others go on."""
    run = begin(changes={"HCC_HTTP_TIMEOUT_SECONDS": "1"})
    port = free_port()
    run.start("web", f"hcc web --port {port}")
    web = f"http://127.0.0.1:{port}"
    run.until(lambda: _status(f"{web}/healthz") == 200, "the web process", 30.0)
    seen = set()
    run.zalo.fault("delay", ms=30_000, probability=0.1, path=SEND, when="after", seed=run.dice.randrange(2**31))
    for _ in run.portions(1):
        before = run.progress()
        for _ in range(10 if SHORT else 100):
            seen |= {("healthz", _status(f"{web}/healthz")), ("readyz", _status(f"{web}/readyz"))}
            time.sleep(0.3)
        assert run.progress() > before, "nothing went on while Zalo was slow"
        run.zalo.clear_faults()
    verdict = run.verdict()
    promised(verdict)
    assert verdict.doubted > 0
    assert seen == {("healthz", 200), ("readyz", 200)}


def test_16_people_who_leave_in_the_middle_end_nothing_but_their_own_notices(begin: Begin) -> None:
    """Incident 16: whoever unfollows between claim and send is told nothing more, and nobody tries for ever."""
    run = begin(changes=LONG_TIMEOUTS)
    gone = run.dice.sample(range(run.dossier_count), 5 if SHORT else 50)
    for _ in run.portions(1):
        unfollow(run, gone)
    verdict = run.verdict()
    nothing_wrong(verdict)
    assert (verdict.uncertain, verdict.held, verdict.dead) == (0, 0, 0), str(verdict)
    assert verdict.unreachable > 0
    assert verdict.accepted + verdict.unreachable == verdict.notices, str(verdict)
    assert run.scalar("SELECT count(*) FROM attempts WHERE outcome = 'unreachable'") == verdict.unreachable


def test_18_tokens_expire_in_the_middle_and_are_refreshed_once(begin: Begin) -> None:
    """Incident 18: all processes meet the refused token at once; one of them refreshes it, each time."""
    run = begin(changes=LONG_TIMEOUTS)
    times = 1 if SHORT else 3
    for _ in run.portions(times):
        run.zalo.expire_tokens()
    all_told(run.verdict())
    assert run.zalo.stats()["refreshes"] == times
    assert run.scalar("SELECT count(*) FROM credentials WHERE dead_because IS NULL") == 1


def test_21_every_failure_has_its_own_outcome(run: Run) -> None:
    """Incident 21: only who does not follow the OA is said not to; every other refusal is recorded as what it is."""
    people = dict(zip(run.dice.sample(range(run.dossier_count), len(_OUTCOMES)), _OUTCOMES, strict=True))
    for number, code in people.items():
        run.zalo.fault("error", code=code, user_id=user_of(number), path=SEND)
    for _ in run.portions(1):
        pass
    verdict = run.verdict()
    nothing_wrong(verdict)
    assert verdict.accepted + verdict.unreachable + verdict.dead == verdict.notices, str(verdict)
    for number, code in people.items():
        query = "SELECT DISTINCT state || ': ' || reason || ' ' || code_received FROM notices WHERE code = :code"
        assert run.scalar(query, code=code_of(number)) == f"{': '.join(_OUTCOMES[code])} {code}"


def _status(url: str) -> int:
    """The status of an answer; 0 where none came within two seconds."""
    try:
        return requests.get(url, timeout=2).status_code
    except requests.RequestException:
        return 0
