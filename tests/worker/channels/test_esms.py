"""What an answer of the SMS gateway means: only a plain success with an id is `Sent`."""

from __future__ import annotations

import json

import pytest

from domain.outcome import HoldScope, Outcome, Refused, Sent, TryLater, Uncertain, Unreachable, Wait
from worker.channels.sms.esms import CODES, Esms
from worker.channels.sms.gateway import Sms
from worker.wire.protocol import NotSent, Reply, Unknown

ESMS = Esms("https://rest.esms.vn", "KEY", "SECRET", "HCC")


def read(body: object, status: int = 200) -> Outcome:
    """The outcome of a reply."""
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    return ESMS.read(Reply(status, {}, text, 5), jitter=0)


def test_a_success_is_sent() -> None:
    """As documented: the code is a string."""
    assert read({"CodeResult": "100", "CountRegenerate": 0, "SMSID": "d533459e"}) == Sent("d533459e")
    assert read({"CodeResult": 100, "SMSID": "d533459e"}) == Sent("d533459e")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[" * 100_000,
        {"error": "Invalid request"},
        {"CodeResult": "100"},
        {"CodeResult": "100", "SMSID": ""},
        {"CodeResult": "100", "SMSID": "a\x00"},
        {"CodeResult": None},
        [],
    ],
)
def test_an_answer_that_is_not_understood_is_uncertain(body: object) -> None:
    """Whoever wrote it may have passed the message on."""
    assert isinstance(read(body), Uncertain)
    assert isinstance(read({"CodeResult": "100", "SMSID": "a"}, status=502), Uncertain)


def test_what_the_wire_knows_is_kept() -> None:
    """Nothing left: later. Perhaps something left: an operator."""
    assert ESMS.read(NotSent("connection refused", 3), jitter=0) == TryLater("connection refused", unreached=True)
    assert ESMS.read(Unknown("connection reset", 3), jitter=0) == Uncertain("connection reset")


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (99, Unreachable),
        (101, Wait),
        (102, Wait),
        (103, Wait),
        (104, Wait),
        (108, Unreachable),
        (124, Uncertain),
        (140, Wait),
        (146, Wait),
        (177, Unreachable),
        (700, Refused),
    ],
)
def test_each_code_has_its_outcome(code: int, kind: type) -> None:
    """A fault of the account holds the channel; a fault of the words the kind; an unknown code is parked."""
    outcome = read({"CodeResult": str(code), "ErrorMessage": "…"})
    assert type(outcome) is kind
    assert outcome.code == code  # type: ignore[union-attr]
    if isinstance(outcome, Wait):
        assert outcome.hold is (HoldScope.TEMPLATE if code == 146 else HoldScope.CHANNEL)
        assert outcome.seconds > 0


def test_every_code_of_the_table_is_tried_above() -> None:
    """A new row needs its line in the table of this file."""
    assert set(CODES) == {99, 101, 102, 103, 104, 108, 124, 140, 146, 177}


def test_the_call_is_the_documented_one_and_shows_nothing() -> None:
    """Every value a string; neither the number nor the keys stand in the text of a value."""
    sms = Sms(7, "+84978362918", "Chào", "hcc7k0123456789ab", accented=True)
    call = ESMS.call(sms)
    body = json.loads(call.body or b"")
    assert call.url == "https://rest.esms.vn/MainService.svc/json/SendMultipleMessage_V4_post_json/"
    assert body == {
        "ApiKey": "KEY",
        "SecretKey": "SECRET",
        "Brandname": "HCC",
        "SmsType": "2",
        "Phone": "0978362918",
        "Content": "Chào",
        "IsUnicode": "1",
        "RequestId": "hcc7k0123456789ab",
    }
    shown = f"{sms} {call} {ESMS}"
    assert not any(secret in shown for secret in ("978362918", "KEY", "SECRET", "Chào"))
