"""What every channel promises, over all of them: one call a letter, and never a braver outcome than the answer."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from domain.notice import Attempt, Letter
from domain.outcome import HoldScope, Refused, Sent, TryLater, Uncertain, Unreachable, Wait
from domain.tracking import tracking_id
from sandbox.sms import SandboxSms
from sandbox.zalo.client import SandboxZalo
from tests.delivering import Open, send
from tests.worker.channels.cases import NOTICE, TEXT
from worker.channels.channel import Channel, NotReady, Ready
from worker.channels.paper import Paper
from worker.services.bootstrap import Services

USER, PHONE = "6142494823000000001", "84978001001"
ZALO = ("zalo_cs", "zalo_template", "zns")
OVER_HTTP = (*ZALO, "sms")
ALL = (*OVER_HTTP, "paper")
WAYS = {"zalo_cs": "/v3.0/oa/message/cs", "zalo_template": "/v3.0/oa/message/template", "zns": "/message/template"}


@dataclass(frozen=True)
class Bench:
    """One channel with everything around it."""

    services: Services
    box: SandboxZalo
    gateway: SandboxSms
    channel: Channel

    def letters(self, number: int = 1) -> list[Letter]:
        """Letters of notices 1, 2, … to one person with a Zalo account and a phone."""
        sealed = self.services.sealer.seal(f"+{PHONE}")
        known: dict[str, Any] = {"user_id": USER, "phone_sealed": sealed, "sms": True}
        return [Letter(replace(NOTICE, id=place, **known), TEXT, dong=9) for place in range(1, number + 1)]

    def send(self, letters: list[Letter], marked: Callable[[Sequence[int]], object] = lambda _: None) -> list[Attempt]:
        ready = self.channel.ready(NOTICE.oa)
        assert isinstance(ready, Ready)
        return send(self.services, self.channel, letters, ready, Open(marked))

    def arrived(self) -> int:
        """How many messages the far side has accepted."""
        return len(self.box.messages()) + len(self.gateway.messages)


@pytest.fixture
def bench(
    request: pytest.FixtureRequest, services: Services, box: SandboxZalo, gateway: SandboxSms, tmp_path: Path
) -> Bench:
    """The channel of the test's parameter."""
    box.people([{"user_id": USER, "phone": PHONE}])
    channel = Paper(tmp_path) if request.param == "paper" else services.channels[request.param]
    return Bench(services, box, gateway, channel)


def over(names: tuple[str, ...]) -> pytest.MarkDecorator:
    """Run the test for each of these channels."""
    return pytest.mark.parametrize("bench", names, indirect=True)


@over(ALL)
def test_each_letter_is_one_message_and_says_so_before_it_leaves(bench: Bench) -> None:
    """Every notice has one attempt under the channel's name, with its price; each was marked before."""
    left: list[int] = []
    attempts = bench.send(bench.letters(3), left.extend)
    assert sorted(left) == sorted(attempt.notice.id for attempt in attempts) == [1, 2, 3]
    assert {type(attempt.outcome) for attempt in attempts} == {Sent}
    assert len({attempt.outcome.message_id for attempt in attempts if isinstance(attempt.outcome, Sent)}) == 3
    assert {attempt.channel for attempt in attempts} == {bench.channel.name}
    assert bench.arrived() == (0 if bench.channel.name == "paper" else 3)


@over(ZALO)
@pytest.mark.parametrize("kind", ["reset_after", "truncated_json", "empty_body", "not_json", "http_500"])
def test_an_answer_that_is_none_is_uncertain_and_never_repeated(bench: Bench, kind: str) -> None:
    """Law 3 for every host: it may have arrived."""
    bench.box.fault(kind, count=1, path=WAYS[bench.channel.name])
    [attempt] = bench.send(bench.letters())
    assert isinstance(attempt.outcome, Uncertain)
    assert bench.box.stats()["requests"][WAYS[bench.channel.name]] == 1


@over(("sms",))
def test_an_sms_without_an_answer_is_uncertain_and_never_repeated(bench: Bench) -> None:
    """The gateway accepted it and hung up."""
    bench.gateway.hang_up_after = 1
    [attempt] = bench.send(bench.letters())
    assert isinstance(attempt.outcome, Uncertain)
    assert bench.arrived() == 1


@over(ZALO)
def test_a_refused_connection_sent_nothing(bench: Bench) -> None:
    """It may be tried again."""
    bench.box.down()
    ready = bench.channel.ready(NOTICE.oa)
    assert isinstance(ready, Ready)
    [attempt] = send(bench.services, bench.channel, bench.letters(), ready)
    assert isinstance(attempt.outcome, TryLater)


@over(("sms",))
def test_a_gateway_that_is_down_sent_nothing(bench: Bench) -> None:
    """A port that nobody listens on."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        bench.channel._gateway = replace(bench.channel._gateway, url=url)  # type: ignore[attr-defined]
        [attempt] = bench.send(bench.letters())
    assert isinstance(attempt.outcome, TryLater)


@over(OVER_HTTP)
def test_a_letter_that_could_not_be_marked_does_not_leave(bench: Bench) -> None:
    """Redis away at the last moment: nothing may leave unmarked."""

    def fails(_: Sequence[int]) -> None:
        raise RuntimeError("no mark")

    [attempt] = bench.send(bench.letters(), fails)
    assert not isinstance(attempt.outcome, Sent | Uncertain)
    assert bench.arrived() == 0


@over(ZALO)
def test_a_token_that_is_refused_is_renewed_once(bench: Bench) -> None:
    """The same OA token opens both hosts; -216, -220 and -124 say the same."""
    bench.box.expire_tokens()
    [attempt] = bench.send(bench.letters())
    assert isinstance(attempt.outcome, Wait)
    assert attempt.outcome.hold is HoldScope.TOKEN
    ready = bench.channel.ready(NOTICE.oa)
    assert isinstance(ready, Ready)
    renewed = bench.channel.renew_access(NOTICE.oa, ready)
    assert isinstance(renewed, Ready)
    assert isinstance(bench.send(bench.letters())[0].outcome, Sent)


@over(ZALO)
def test_without_a_grant_the_channel_is_not_ready(bench: Bench) -> None:
    """Notices wait; none is lost."""
    with bench.services.ledger.begin() as tx:
        bench.services.credentials.bury(tx, NOTICE.oa, "grant lost")
    assert isinstance(bench.channel.ready(NOTICE.oa), NotReady)


@over(("zalo_template", "zns", "sms"))
def test_one_letter_that_cannot_be_addressed_is_refused_alone(bench: Bench) -> None:
    """A phone sealed with a lost key, facts that do not fit the form: the rest of the batch goes out."""
    good, bad = bench.letters(2)
    spoilt = {"phone_sealed": b"x" * 40, "code": "X" * 31} if bench.channel.name != "sms" else {"phone_sealed": b"x"}
    attempts = bench.send([replace(bad, notice=replace(bad.notice, **spoilt)), good])  # type: ignore[arg-type]
    outcomes = {attempt.notice.id: type(attempt.outcome) for attempt in attempts}
    assert outcomes == {good.notice.id: Sent, bad.notice.id: Refused}


@pytest.mark.parametrize(
    ("bench", "trouble", "code"),
    [
        ("zalo_cs", {"last_interaction": "2020-01-01"}, -230),
        ("zalo_cs", {"banned": True}, -227),
        ("zalo_cs", {"restricted": True}, -244),
        ("zalo_cs", {"blocked": True}, -217),
        ("zalo_template", {"banned": True}, -227),
        ("zns", {"no_zalo": True}, -118),
        ("zns", {"inactive": True}, -114),
        ("zns", {"refuses_oa": True}, -141),
    ],
    indirect=["bench"],
)
def test_a_person_out_of_reach_is_a_no_of_this_channel(bench: Bench, trouble: dict[str, Any], code: int) -> None:
    """What makes the next channel's turn."""
    bench.box.people([{"user_id": USER, "phone": PHONE, **trouble}])
    [attempt] = bench.send(bench.letters())
    assert isinstance(attempt.outcome, Unreachable)
    assert attempt.outcome.code == code


@over(("zalo_template",))
def test_a_template_that_cannot_go_by_user_id_is_a_no_of_this_channel(bench: Bench) -> None:
    """-249: by phone it may go."""
    bench.box.templates([{"template_id": "333", "params": ["ma_ho_so"], "by_user_id": False}])
    [attempt] = bench.send(bench.letters())
    assert attempt.outcome == Unreachable("the template cannot be sent by user id", -249)


@over(("zalo_template",))
def test_a_template_goes_to_the_user_id_with_its_data_as_strings(bench: Bench) -> None:
    """Nothing wraps the fields, and no tracking id is documented here."""
    bench.send(bench.letters())
    [message] = bench.box.messages()
    assert (message["channel"], message["user_id"], message["template_id"]) == ("zalo_template", USER, "333")
    assert (message["template_data"], message["tracking_id"]) == ({"ma_ho_so": "H27.37-240219-1001"}, "")


@over(("zns",))
def test_a_template_by_phone_carries_our_mark(bench: Bench) -> None:
    """The phone without its plus; the same mark at every attempt, since nothing else tells whose event it is."""
    bench.send(bench.letters())
    bench.send(bench.letters())
    first, second = bench.box.messages()
    assert (first["channel"], first["phone"], first["template_id"]) == ("zns", PHONE, "333")
    assert first["tracking_id"] == second["tracking_id"] == tracking_id(1, NOTICE.oa, NOTICE.key)


@over(("sms",))
def test_an_sms_is_plain_and_carries_our_mark(bench: Bench) -> None:
    """Without accents by default, so seven bits; the phone as people write it here."""
    bench.send(bench.letters())
    [message] = bench.gateway.messages
    assert message["Content"].startswith("He thong giai quyet TTHC tinh Ha Tinh thong bao ho so: H27.37-240219-1001")
    assert (message["Phone"], message["IsUnicode"], message["SmsType"]) == ("0978001001", "0", "2")
    assert message["RequestId"] == tracking_id(1, NOTICE.oa, NOTICE.key)


@over(("sms",))
def test_an_sms_that_the_gateway_has_had_is_uncertain(bench: Bench) -> None:
    """124: whether the first request came through is not said, so nobody guesses."""
    bench.send(bench.letters())
    [attempt] = bench.send(bench.letters())
    assert isinstance(attempt.outcome, Uncertain)
    assert attempt.outcome.code == 124
    assert bench.arrived() == 1
