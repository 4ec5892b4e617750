"""`hcc events` and what the doctor says of them: events of Zalo that no process could read so far."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from config.settings import Settings
from ledger.base.sealing import Sealer
from ledger.zalo import inbox
from operators.checks.fault import CheckFault
from operators.checks.zalo import check_events
from producers.hooks.record import seal
from tests.operators.conftest import Run
from tests.producers.hooks.conftest import OA, PHONE, USER, Office, event, follow, submit
from worker.services.bootstrap import Services

WHO = ("--by", "lan", "--why", "đã thêm khóa")
SHAPE = [
    "id", "name", "word", "at", "received_at", "fault", "faults", "tried_at", "set_aside_at", "erased_at",
]  # fmt: skip


@pytest.fixture
def office(ledger: object) -> Office:
    """Two events under a key that no worker has."""
    made = Office(ledger)  # type: ignore[arg-type]
    newer = Sealer(["fedcba9876543210"])
    with made.ledger.begin() as tx:
        inbox.record(tx, OA, [seal(event(raw), newer) for raw in (follow(), submit())])
    made.applier.run(10)
    return made


@pytest.fixture
def services(run: Run) -> Iterator[Services]:
    made = Services(Settings(_env_file=None))  # type: ignore[call-arg]
    yield made
    made.close()


def test_the_list_says_what_could_not_be_read_and_nothing_of_what_it_says(run: Run, office: Office) -> None:
    shown = json.loads(run("events", "list", "--json").stdout)
    assert [list(row) for row in shown] == [SHAPE, SHAPE]
    assert [(row["name"], row["fault"], row["faults"], row["set_aside_at"]) for row in shown] == [
        ("follow", "SealError", 1, None), ("user_submit_info", "SealError", 1, None),
    ]  # fmt: skip
    table = run("events", "list").output
    assert "user_submit_info" in table
    cut = run("events", "list", "--limit", 1)
    assert "Mới hiện 1 trong 2" in cut.stderr
    for personal in (USER, PHONE, PHONE[2:]):
        assert personal not in table + str(shown)


def test_the_doctor_says_what_to_do_until_they_are_read(services: Services, office: Office) -> None:
    with pytest.raises(CheckFault, match=r"2 sự kiện chưa đọc được, 0 đã gác lại.*HCC_SECRET_KEYS"):
        list(check_events(services))
    with office.ledger.begin() as tx:
        tx.exec_driver_sql("UPDATE unread_events SET set_aside_at = now()")
    with pytest.raises(CheckFault, match="2 đã gác lại"):
        list(check_events(services))


def test_what_is_tried_again_is_as_if_nobody_had(run: Run, office: Office) -> None:
    """Also by a worker that was started long before."""
    number = json.loads(run("events", "list", "--json").stdout)[0]["id"]
    with office.ledger.begin() as tx:
        tx.exec_driver_sql("UPDATE unread_tries SET faults = 3")
        tx.exec_driver_sql("UPDATE unread_events SET set_aside_at = now()")
    assert run("events", "retry", number, *WHO).output == "Sẽ thử lại 1 sự kiện.\n"
    office.applier.run(10)
    shown = json.loads(run("events", "list", "--json").stdout)
    assert [(row["faults"], row["set_aside_at"] is None) for row in shown] == [(1, True), (3, False)]
    assert [tuple(row) for row in office.rows('SELECT verb, "by", why FROM audit')] == [
        ("events retry", "lan", "đã thêm khóa")
    ]


def test_what_is_discarded_is_erased_and_still_known(run: Run, office: Office, services: Services) -> None:
    assert run("events", "discard", "--all", *WHO).output == "Đã bỏ 2 sự kiện.\n"
    assert json.loads(run("events", "list", "--json").stdout) == []
    assert "Không có sự kiện nào" in run("events", "list").output
    assert "0 chưa xử lý" in " ".join(check_events(services))
    assert office.receive(follow()) == 0, "a replay changes nothing"


def test_a_forgotten_number_never_means_all(run: Run, office: Office) -> None:
    for wrong in ((), (1, "--all")):
        assert "Chọn một cách" in run("events", "discard", *wrong, *WHO).output
    assert run("events", "discard", "--all").exit_code == 2, "without a name and a why"
    assert "Không có sự kiện nào như đã chọn" in run("events", "retry", 99, *WHO).output
    assert len(json.loads(run("events", "list", "--json").stdout)) == 2
