"""Incidents 8, 13 and 14: one floods the others, rows and notices make code raise, everything comes at once."""

from __future__ import annotations

import json
import time

import pytest
from sqlalchemy import text

from tests.chaos.blows import memory
from tests.chaos.conftest import Begin
from tests.chaos.dossiers import KINDS, code_of, texts_of, user_of
from tests.chaos.run import Run
from tests.chaos.scale import PATIENCE, SHORT, TEST_SECONDS, whole_only
from tests.chaos.verdict import all_told, nothing_wrong
from tests.chaos.world import LONG_TIMEOUTS, SEND, WORKERS

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(TEST_SECONDS)]

_INVALID = -201  # will never be accepted: the notice is dead
_RATE = 600  # a minute, during the replay
_FRESH = 10  # dossiers
_BURST = 1_200 if SHORT else 25_000

_POISONED_FACTS = [
    ("fee_requested", {"amount": "một triệu"}),
    ("fee_requested", {"amount": [1]}),
    ("fee_requested", {}),
    ("accepted", {"appointment_at": "ngày mai"}),
    ("accepted", {"appointment_at": 7}),
    ("accepted", {"appointment_at": "2024-02-26T09:09:00"}),  # of no zone
    ("accepted", []),
    ("accepted", ""),
    ("accepted", None),
]
_POISONED_DOSSIERS = [
    {"ngay_hen_tra": "infinity"},
    {"ngay_tiep_nhan": "-infinity"},
    {"ngay_nop": "0044-03-15 00:00:00 BC"},
    {"cap_nhat_luc": "infinity"},
    {"trang_thai": "-32768"},
    {"so_dien_thoai_nguoi_nop": "\u202e0978\x07"},
    {"ma_don_vi": ""},
]


def test_08_a_replay_of_the_dead_delays_nothing_of_today(begin: Begin) -> None:
    """Incident 8: all of the load is dead and replayed at once, at a low limit; what is filed meanwhile goes first."""
    run = begin()
    run.zalo.fault("error", code=_INVALID, path=SEND)
    run.feed()
    run.until(lambda: run.scalar("SELECT count(*) FROM notices WHERE state = 'dead'") == run.notices, "all to die", 90)
    run.zalo.clear_faults()
    for name in WORKERS:  # the limit is a setting: from now on a low one
        run.kill(name)
    for name in WORKERS:
        run.start(name, HCC_ZALO_RATE_PER_MINUTE=str(_RATE))
    replay = run.hcc("dead", "retry", "--all", "--by", "chaos", "--why", "the field is valid again")
    assert replay.returncode == 0, replay.stderr
    run.reach(10, 120.0)  # the calls of the last minute count under the low limit, too
    fresh = set(map(user_of, run.load.feed(_FRESH)))
    began = time.monotonic()
    run.until(lambda: fresh <= {message["user_id"] for message in run.zalo.messages()}, "today's to be told", 30.0)
    waited, left = time.monotonic() - began, run.scalar("SELECT count(*) FROM notices WHERE state = 'due'")
    print(
        f"\nfirst notices of {_FRESH} fresh dossiers: {waited:.1f} s, with {left} dossiers of the replay still waiting"
    )
    assert left > run.dossier_count / 4, "the replay was over too soon to be in anybody's way"
    assert waited < 6.0
    if SHORT:
        recorded = "SELECT count(*) FROM notices"  # the feed that brings today's fees may come seconds after the first
        run.until(
            lambda: run.scalar(recorded) == run.notices + _FRESH * len(KINDS), "all of today's to be recorded", 30.0
        )
        nothing_wrong(run.judge_now())
    else:
        run.last_blow = time.monotonic()
        all_told(run.verdict())


def test_13_poisoned_notices_are_set_aside_and_all_others_go_on(begin: Begin) -> None:
    """Incident 13: notices whose facts make code raise are dead with a reason; the batch goes on without them."""
    run = begin(processes=(), changes=LONG_TIMEOUTS)
    run.feed()
    run.poll()
    poisoned = run.dice.sample(range(run.dossier_count), len(_POISONED_FACTS))
    for number, (kind, facts) in zip(poisoned, _POISONED_FACTS, strict=True):
        poison = "UPDATE notices SET facts = :facts WHERE code = :code AND kind = :kind"
        assert run.change(poison, facts=json.dumps(facts), code=code_of(number), kind=kind) == 1
    for name in (*WORKERS, "beat"):
        run.start(name)
    run.last_blow = time.monotonic()
    verdict = run.verdict()
    nothing_wrong(verdict)
    assert (verdict.accepted, verdict.dead) == (run.notices - len(poisoned), len(poisoned)), str(verdict)
    assert run.scalar("SELECT count(*) FROM notices WHERE state = 'dead' AND reason <> ''") == len(poisoned)


@whole_only
def test_13_poisoned_rows_are_set_aside_and_the_page_goes_on(run: Run) -> None:
    """Incident 13: rows of the dossier database that make code raise hold up nobody else's."""
    numbers = run.load.feed(run.dossier_count // 2)
    with run.load.engine.begin() as tx:
        for place, poison in enumerate(_POISONED_DOSSIERS):
            (column, value), code = *poison.items(), f"H27.37-240219-9{place:04}"
            tx.execute(text(_LIKE_ANOTHER), {"code": code, "other": code_of(numbers[0])})
            tx.execute(
                text(f"UPDATE ho_so SET {column} = :value WHERE ma_ho_so = :code"), {"value": value, "code": code}
            )
            for status in (1, 2, 9):
                tx.execute(text(_NOTE), {"code": code, "status": status})
    run.feed()
    run.until(lambda: all_heard(run), "all others to be told", PATIENCE)


_LIKE_ANOTHER = """
INSERT INTO ho_so (ma_ho_so, ma_don_vi, ten_tthc, so_dien_thoai_nguoi_nop, trang_thai, ngay_nop, ngay_tiep_nhan,
                   ngay_hen_tra, cap_nhat_luc)
SELECT :code, ma_don_vi, ten_tthc, NULL, trang_thai, ngay_nop, ngay_tiep_nhan, ngay_hen_tra, cap_nhat_luc
FROM ho_so WHERE ma_ho_so = :other
"""
_NOTE = "INSERT INTO qua_trinh_xu_ly (ma_ho_so, trang_thai, thoi_gian) VALUES (:code, :status, '2024-02-19 09:09')"


def all_heard(run: Run) -> bool:
    """Whether each person of the load heard what they should, no more."""
    told: dict[str, list[str]] = {}
    for message in run.zalo.messages():
        told.setdefault(message["user_id"], []).append(message["text"])
    return told == {user_of(number): texts_of(number) for number in run.load.fed}


def test_14_a_burst_leaves_memory_flat(begin: Begin) -> None:
    """Incident 14: many thousand notices in one transaction; a worker's children need no more at its end."""
    run = begin(notices=_BURST, latency_ms=5, changes=LONG_TIMEOUTS)
    run.feed()
    sizes: list[tuple[int, int]] = []
    for part in range(1, 10):
        run.reach(run.notices * part // 10)
        sizes.append((part, max(memory(run.running[name].pid) for name in WORKERS)))
    verdict = run.verdict()
    told = ", ".join(f"{kib // 1024} MiB" for _, kib in sizes)
    print(f"\nmemory of a worker's children after each tenth of {_BURST}: {told}")
    all_told(verdict)
    assert sizes[-1][1] <= 1.2 * sizes[1][1]
