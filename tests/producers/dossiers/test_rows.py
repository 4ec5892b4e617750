"""The door: rows of any driver become our values; what cannot be read names its column and shows no value."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from domain.dossier import PaymentState, Status
from producers.dossiers.faults import RowError
from producers.dossiers.mapping import load_mapping
from producers.dossiers.rows import RowReader

DOOR = RowReader(load_mapping("reference"))
NINE = datetime(2024, 2, 19, 9, 9)  # noqa: DTZ001 (local and naive, as the dossier database keeps it)


def row(**changes: Any) -> dict[str, Any]:
    """A row of a finished online dossier with a requested payment, as all feeds would give it, with changes."""
    return {
        "id": 7,
        "code": "H27.37-240219-1001",
        "unit": "H27.37",
        "status": 9,
        "channel": 2,
        "ignored": False,
        "phone": "0978362918",
        "accepted_at": NINE,
        "appointment_at": NINE,
        "finished_at": NINE,
        "result_state": 2,
        "result_kind": "Kết quả",
        "at": NINE,
        "change_status": 9,
        "amount": Decimal(1_000_000),
        "payment_state": "Chờ thanh toán",
        "payment_way": "Thu trước",
        "requested_at": NINE,
        "changed_at": NINE,
    } | changes


def result_given(**changes: Any) -> bool:
    """Whether the door takes such a row for a result."""
    change = DOOR.history(row(**changes))
    assert change is not None
    return change.dossier.result_given


def payment(**changes: Any) -> Any:
    """The payment of such a row."""
    change = DOOR.payment(row(**changes))
    assert change is not None
    return change.payment


def test_local_times_become_utc_by_the_mappings_zone() -> None:
    """09:09 in Vietnam is 02:09 UTC, from a naive time, a text (SQLite) or a time with its zone."""
    utc = datetime(2024, 2, 19, 2, 9, tzinfo=UTC)
    for at in (NINE, "2024-02-19 09:09:00", utc):
        change = DOOR.history(row(at=at))
        assert change is not None
        assert change.at == utc


@pytest.mark.parametrize(
    ("changes", "given"),
    [
        ({}, True),
        ({"result_state": None, "result_kind": None}, True),
        ({"result_state": 3}, True),
        ({"result_state": 1}, False),
        ({"result_kind": "Trả lại/Xin rút"}, False),
        ({"result_kind": "Xin lỗi"}, False),
        ({"result_kind": "Bổ sung"}, False),
        ({"status": 4}, False),
    ],
)
def test_a_result_is_a_confirmed_one_and_no_return(changes: dict[str, Any], given: bool) -> None:
    """R39, row by row."""
    assert result_given(**changes) is given


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("Chưa thanh toán", PaymentState.NOT_YET),
        ("Chờ thanh toán", PaymentState.REQUESTED),
        ("Đã thanh toán", PaymentState.PAID),
        ("Đã hoàn phí", PaymentState.CANCELLED),
        ("Hủy thanh toán", PaymentState.CANCELLED),
    ],
)
def test_payment_words_become_our_states(word: str, state: PaymentState) -> None:
    """Every word of the source, and whoever is exempt pays nothing whatever the word says."""
    assert payment(payment_state=word).state is state
    assert payment(payment_state=word, payment_way="Đối tượng miễn phí").state is PaymentState.EXEMPT


def test_an_amount_is_whole_dong_beyond_32_bits() -> None:
    """R19: three thousand million is an amount like any other, and none is None."""
    assert payment(amount=Decimal(3_000_000_000)).amount == 3_000_000_000
    assert payment(amount=None).amount is None


@pytest.mark.parametrize(
    "changes", [{"channel": 1}, {"channel": 3}, {"channel": None}, {"ignored": True}, {"code": None}]
)
def test_nobody_is_told_of_other_channels_and_of_deleted_dossiers(changes: dict[str, Any]) -> None:
    """R4: such rows pass the door as nothing, and need not even make sense."""
    assert DOOR.history(row(status="?", **changes)) is None


def test_stand_ins_for_no_date_are_no_date() -> None:
    """1900-01-01 and 9999-12-31 are what some programs store for an empty field."""
    change = DOOR.history(row(appointment_at=date(1900, 1, 1), finished_at=datetime(9999, 12, 31)))  # noqa: DTZ001 (naive, as in the source)
    assert change is not None
    assert (change.dossier.appointment_at, change.dossier.finished_at) == (None, None)


def test_an_empty_status_in_the_history_stays_empty() -> None:
    """Fee rows have none; the dossier's own is known all the same."""
    change = DOOR.history(row(change_status=None))
    assert change is not None
    assert (change.status, change.dossier.status) == (None, Status.FINISHED)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("at", None),
        ("at", "20240-02-19 09:09:00"),
        ("code", "x" * 51),
        ("code", "H27\n37"),
    ],
)
def test_nonsense_names_its_column_and_shows_no_value(column: str, value: Any) -> None:
    """The column may hold something else than the mapping thinks, so its value is never told."""
    with pytest.raises(RowError) as caught:
        DOOR.history(row(**{column: value}))
    assert str(caught.value).startswith(column)
    assert str(value) not in str(caught.value).replace("is empty", "")


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("status", 77),
        ("status", None),
        ("status", float("nan")),
        ("status", Decimal("1E+999999999")),
        ("status", b"\xff\xfe\x00"),
        ("accepted_at", datetime(1024, 2, 19)),  # noqa: DTZ001 (naive, as in the source)
        ("appointment_at", "26/02/2024"),
        ("appointment_at", datetime(2924, 2, 26)),  # noqa: DTZ001 (naive, as in the source)
        ("result_kind", "Nguyễn Anh Tuấn"),
        ("result_state", "hai"),
        ("result_state", 10**400),
        ("ignored", "không rõ"),
        ("change_status", "Đang đi vắng 0978362918"),
    ],
)
def test_a_column_that_cannot_be_read_costs_its_own_facts_and_shows_no_value(column: str, value: Any) -> None:
    """The row passes the door, and says which column is odd; what is in it may be about a person."""
    change = DOOR.history(row(**{column: value}))
    assert change is not None
    assert [one.field for one in change.oddities] == [column]
    assert "Nguyễn" not in change.oddities[0].why
    assert "0978" not in change.oddities[0].why
    assert change.dossier.code == "H27.37-240219-1001"


@pytest.mark.parametrize("amount", ["một triệu", Decimal("1000.5"), Decimal("NaN"), Decimal("Infinity")])
def test_an_amount_that_is_no_whole_number_is_nonsense(amount: Any) -> None:
    """Half a đồng is a slip, and nobody is asked to pay it."""
    change = DOOR.payment(row(amount=amount))
    assert change is not None
    assert change.payment is not None
    assert change.payment.amount is None
    assert [(one.field, one.row) for one in change.oddities] == [("amount", "payments/7")]
