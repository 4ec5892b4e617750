"""What a send led to: only a whole, plain success is `Sent`; what is unclear is `Uncertain`."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.clock import VIETNAM
from domain.outcome import HoldScope, Outcome, Refused, Sent, TryLater, Uncertain, Unreachable, Wait
from worker.channels.zalo.codes import TABLES, Host, Meaning, Scope
from worker.channels.zalo.replies import rate_headers, read_send
from worker.wire.protocol import NotSent, Reply, Unknown

FIXTURES = Path(__file__).parents[2] / "fixtures" / "zalo"
NOON = datetime(2026, 3, 10, 12, 0, 15, tzinfo=VIETNAM)
SEND_HOSTS = [Host.OPENAPI, Host.BUSINESS]


def read(
    body: object, host: Host = Host.OPENAPI, status: int = 200, now: datetime = NOON, jitter: float = 0
) -> Outcome:
    """The outcome of a reply; a body that is no bytes is sent as JSON."""
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_send(host, Reply(status, {}, text, 5), now=now, jitter=jitter)


def refusal(code: int, host: Host = Host.OPENAPI, now: datetime = NOON, jitter: float = 0) -> Outcome:
    """The outcome of an error of Zalo's."""
    return read({"error": code, "message": "…"}, host, now=now, jitter=jitter)


@pytest.mark.parametrize(
    ("name", "host", "message_id"),
    [
        ("cs_sent", Host.OPENAPI, "0f1e2d3c4b5a69788796"),
        ("cs_sent_short", Host.OPENAPI, "0f1e2d3c4b5a69788797"),
        ("template_sent", Host.OPENAPI, "0f1e2d3c4b5a69788798"),
        ("zns_sent", Host.BUSINESS, "0f1e2d3c4b5a69788799"),
    ],
)
def test_a_success_in_the_documented_shape_is_sent(name: str, host: Host, message_id: str) -> None:
    """With and without a quota, whichever key comes first."""
    assert read((FIXTURES / f"{name}.json").read_bytes(), host) == Sent(message_id)


@pytest.mark.parametrize(
    ("error", "number", "message_id"), [(0, "a1", "a1"), ("0", "a1", "a1"), (0, 2**63 + 1, "9223372036854775809")]
)
def test_numbers_and_texts_are_both_accepted(error: object, number: object, message_id: str) -> None:
    """Zalo's own pages mix them; ids are above 2^53 and stay exact."""
    assert read({"error": error, "data": {"message_id": number}}) == Sent(message_id)


@pytest.mark.parametrize(
    "data",
    [
        *(None, [], "x", {}, {"msg_id": "a1"}),
        *({"message_id": wrong} for wrong in ("", None, 1.5, True, [], {}, "a\x00b", "\ud800", "a b", "x" * 101)),
    ],
)
def test_a_success_without_a_message_id_is_uncertain(data: object) -> None:
    """It was accepted, says Zalo; but there is nothing to find it by."""
    outcome = read({"error": 0, "message": "Success", "data": data})
    assert isinstance(outcome, Uncertain)
    assert outcome.code == 0


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>502</html>",
        b'{"error":0,"data":{"message_id":"a1"}',
        b'\xff\xfe{"error":0}',
        b"[" * 100_000,
        b'{"error":' + b"9" * 5000 + b"}",
        *([], "0", 0, None, {}, {"data": {"message_id": "a1"}}),
        *(
            {"error": wrong, "data": {"message_id": "a1"}}
            for wrong in (None, False, True, 0.0, "", "x", "٠", [], 10**12)
        ),
    ],
)
def test_an_answer_that_is_not_understood_is_uncertain(body: object) -> None:
    """Whoever wrote it may have passed the request on."""
    assert isinstance(read(body), Uncertain)


@pytest.mark.parametrize("status", [201, 204, 302, 400, 401, 404, 429, 500, 502, 504])
def test_no_status_but_200_is_documented(status: int) -> None:
    """Not even a success in the body counts then."""
    outcome = read((FIXTURES / "cs_sent.json").read_bytes(), status=status)
    assert outcome == Uncertain(f"HTTP {status} from openapi.zalo.me")


def test_what_the_wire_knows_is_kept() -> None:
    """Nothing left: later. Perhaps something left: ask."""
    assert read_send(Host.OPENAPI, NotSent("connection refused", 3), now=NOON, jitter=0) == TryLater(
        "connection refused", unreached=True
    )
    assert read_send(Host.OPENAPI, Unknown("connection reset", 3), now=NOON, jitter=0) == Uncertain("connection reset")


def test_what_we_held_back_ourselves_is_no_attempt() -> None:
    """Redis was flushed or the lease is over: the far side was not even asked."""
    held = NotSent("held back: EpochLost", 0, held_back=True)
    assert read_send(Host.OPENAPI, held, now=NOON, jitter=0) == Wait("held back: EpochLost", 1.0)


OUTCOMES: dict[Meaning, type] = {
    Meaning.RATE: Wait,
    Meaning.LATER: TryLater,
    Meaning.UNSTATED: Uncertain,
    Meaning.TOKEN: Wait,
    Meaning.GRANT: Wait,
    Meaning.QUOTA: Wait,
    Meaning.NIGHT: Wait,
    Meaning.RECIPIENT: Unreachable,
    Meaning.REQUEST: Refused,
    Meaning.CONFIG: Wait,
}


HOLDS = {
    Scope.PERSON: HoldScope.PERSON,
    Scope.TEMPLATE: HoldScope.TEMPLATE,
    Scope.OA: HoldScope.CHANNEL,
    Scope.APP: HoldScope.APP,
}


@pytest.mark.parametrize(("host", "code"), [(host, code) for host in Host for code in TABLES[host]])
def test_every_code_has_the_outcome_of_its_meaning(host: Host, code: int) -> None:
    """With its number and the reason of its row."""
    row, outcome = TABLES[host][code], refusal(code, host)
    assert type(outcome) is OUTCOMES[row.meaning]
    assert (outcome.code, outcome.reason) == (code, row.reason)  # type: ignore[union-attr]
    if isinstance(outcome, Wait) and row.meaning is not Meaning.TOKEN:
        assert outcome.seconds > 0
        assert outcome.hold is HOLDS[row.scope]


def test_the_outcome_of_a_text_that_zalo_sent_as_code_is_the_same() -> None:
    """ "-230" and -230."""
    assert read({"error": "-230"}) == refusal(-230) == read((FIXTURES / "error_no_interaction.json").read_bytes())


def test_a_limit_waits_for_the_next_minute() -> None:
    """12:00:15 and 45 seconds; the call was not carried out."""
    assert refusal(-32, jitter=0.5) == Wait("the app reached its limit of calls", 45.5, HoldScope.APP, -32)


def test_a_refused_token_waits_for_the_next_token() -> None:
    """Not by the clock: whoever renews it lets the notices go."""
    assert refusal(-216) == Wait("the access token is invalid", 0, HoldScope.TOKEN, -216)


@pytest.mark.parametrize(
    ("code", "now", "jitter", "until"),
    [
        (-144, datetime(2026, 3, 10, 12, tzinfo=VIETNAM), 0, datetime(2026, 3, 11, tzinfo=VIETNAM)),
        (-144, datetime(2026, 3, 10, 20, tzinfo=UTC), 0, datetime(2026, 3, 12, tzinfo=VIETNAM)),
        (-147, datetime(2026, 12, 31, 23, 59, tzinfo=VIETNAM), 0.5, datetime(2027, 1, 1, 0, 5, tzinfo=VIETNAM)),
        (-1441, datetime(2026, 1, 31, 12, tzinfo=VIETNAM), 0, datetime(2026, 2, 1, tzinfo=VIETNAM)),
        (-1441, datetime(2026, 12, 1, 12, tzinfo=VIETNAM), 0, datetime(2027, 1, 1, tzinfo=VIETNAM)),
        (-137, datetime(2026, 3, 10, 12, tzinfo=VIETNAM), 0, datetime(2026, 3, 10, 12, 30, tzinfo=VIETNAM)),
        (-133, datetime(2026, 3, 10, 22, 30, tzinfo=VIETNAM), 0, datetime(2026, 3, 11, 6, tzinfo=VIETNAM)),
        (-133, datetime(2026, 3, 10, 3, tzinfo=VIETNAM), 0.5, datetime(2026, 3, 10, 6, 5, tzinfo=VIETNAM)),
        (-133, datetime(2026, 3, 10, 16, tzinfo=UTC), 0, datetime(2026, 3, 11, 6, tzinfo=VIETNAM)),
        (-133, datetime(2026, 3, 10, 6, 1, tzinfo=VIETNAM), 0, datetime(2026, 3, 10, 6, 16, tzinfo=VIETNAM)),
    ],
)
def test_quota_and_night_end_by_vietnams_clock(code: int, now: datetime, jitter: float, until: datetime) -> None:
    """At midnight, at the month's first, at six; where our clock sees no night, it looks again soon."""
    outcome = refusal(code, Host.BUSINESS, now, jitter)
    assert isinstance(outcome, Wait)
    assert now + timedelta(seconds=outcome.seconds) == until


def test_an_unknown_code_is_parked_and_reported(caplog: pytest.LogCaptureFixture) -> None:
    """Never looped on; and Zalo's words about it, which may name a person, are not repeated."""
    with caplog.at_level(logging.ERROR, "hcc.zalo"):
        outcome = read({"error": -4711, "message": "user 84901234567 is odd"})
    assert outcome == Refused("unknown code -4711 from openapi.zalo.me", -4711)
    [record] = caplog.records
    assert "-4711" in record.getMessage()
    assert "84901234567" not in record.getMessage()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
errors = st.sampled_from([0, "0", -32, -230, "-216", -99999, False, 0.0, None]) | json_values
ids = st.sampled_from(["a1", "", 7, None]) | json_values
answers = st.fixed_dictionaries(
    {},
    optional={
        "error": errors,
        "message": json_values,
        "data": json_values | st.fixed_dictionaries({}, optional={"message_id": ids, "msg_id": ids}),
    },
)


def proves_sending(host: Host, answer: Any) -> bool:
    """The rule once more, said plainly."""
    if not isinstance(answer, dict) or not isinstance(answer.get("data"), dict):
        return False
    number = answer["data"].get("msg_id" if host is Host.BUSINESS else "message_id")
    return answer.get("error") in (0, "0") and isinstance(number, str | int) and number not in ("", True, False)


@given(host=st.sampled_from(SEND_HOSTS), answer=answers | json_values)
def test_no_json_is_taken_for_a_success_that_is_none(host: Host, answer: object) -> None:
    """Whatever comes, there is an outcome; `Sent` only with error 0 and a message id."""
    outcome = read(answer, host)
    if isinstance(outcome, Sent):
        assert proves_sending(host, answer)


@given(host=st.sampled_from(SEND_HOSTS), body=st.binary(), status=st.sampled_from([200, 500]))
def test_no_bytes_are_taken_for_a_success(host: Host, body: bytes, status: int) -> None:
    """Chance does not write a success."""
    assert not isinstance(read(body, host, status), Sent)


@pytest.mark.parametrize(
    ("headers", "limits"),
    [
        ({"x-ratelimit-limit": "4000", "x-ratelimit-remain": "3999"}, (4000, 3999)),
        ({"x-ratelimit-limit": "600", "x-ratelimit-remain": "0"}, (600, 0)),
        ({"x-ratelimit-limit": "4000"}, None),
        ({"x-ratelimit-limit": "4000", "x-ratelimit-remaining": "1"}, None),
        ({"x-ratelimit-limit": "4000", "x-ratelimit-remain": "-1"}, None),
        ({"x-ratelimit-limit": "4000, 60", "x-ratelimit-remain": "5"}, None),
        ({}, None),
    ],
)
def test_the_limit_is_read_from_the_headers(headers: dict[str, str], limits: tuple[int, int] | None) -> None:
    """Zalo spells it "Remain"; what is not two plain numbers says nothing."""
    assert rate_headers(Reply(200, headers, b"", 1)) == limits
