"""One address for the events of several OAs: each is checked with its own keys and recorded as its own, or refused."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta

import pytest
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy import Engine, text

import producers.hooks.http
from config.oas import Oa
from config.settings import Settings
from operators.web import build
from producers.hooks.admit import Admission, Arrived, Keys, Probe, RejectedRequest, RequestFault, admit_among
from producers.hooks.read import ZaloEvent
from producers.hooks.signature import signature
from tests.producers.hooks.conftest import APP, NOW, OA, SECRET, body, follow, from_user, ms, to_user
from worker.services.deployment import Deployment

OTHER_APP, OTHER, OTHER_SECRET = "5213356789012345678", "5024926008133882615", "another-oa-secret-key"
OURS, THEIRS = Keys(APP, OA, SECRET), Keys(OTHER_APP, OTHER, OTHER_SECRET)
BESIDE = Keys(APP, OTHER, SECRET)  # another OA of the same app, which has one key
UNSET = Keys(APP, OA, "")


def signed_with(keys: Keys, raw: bytes) -> Arrived:
    return Arrived(raw, "mac=" + signature(keys.app_id, raw, ms(NOW), keys.secret))


def let_in(arrived: Arrived, *keyring: Keys) -> tuple[str, Admission]:
    return admit_among(arrived, keyring, NOW + timedelta(seconds=1))


def nameless(app: str) -> bytes:
    """An event that names no OA."""
    return body("user_submit_info", app_id=app, info={"phone": "84978001001"}, sender={"id": "7"})


@pytest.mark.parametrize("keyring", [(OURS, THEIRS), (THEIRS, OURS)])
@pytest.mark.parametrize(("keys", "app"), [(OURS, APP), (THEIRS, OTHER_APP)])
def test_the_oa_that_a_body_names_says_whose_keys_it_is_checked_with(
    keyring: tuple[Keys, ...], keys: Keys, app: str
) -> None:
    """Wherever it is named, and in whatever order the OAs are configured."""
    for raw in (
        follow(app_id=app, oa_id=keys.oa_id),
        from_user("user_send_text", app_id=app, recipient={"id": keys.oa_id}, message={"text": "x", "msg_id": "m"}),
        to_user("user_seen_message", app_id=app, sender={"id": keys.oa_id}, message={"msg_ids": ["m"]}),
    ):
        oa, admitted = let_in(signed_with(keys, raw), *keyring)
        assert (oa, isinstance(admitted, ZaloEvent)) == (keys.oa_id, True)


def test_one_oas_key_opens_no_other_oas_door() -> None:
    """Signed with our key, but about the other OA: a forgery."""
    forged = signed_with(OURS, follow(oa_id=OTHER, app_id=OTHER_APP))
    assert let_in(forged, OURS, THEIRS) == (OTHER, RejectedRequest(RequestFault.FORGED))


def test_an_event_that_names_no_oa_belongs_to_the_one_whose_key_fits() -> None:
    arrived = signed_with(THEIRS, nameless(OTHER_APP))
    oa, admitted = let_in(arrived, OURS, THEIRS)
    assert (oa, isinstance(admitted, ZaloEvent)) == (OTHER, True)


def test_an_event_that_names_no_oa_and_fits_two_is_refused() -> None:
    """Two OAs of one app share its key: nobody can say whose event it is."""
    assert let_in(signed_with(OURS, nameless(APP)), OURS, BESIDE) == ("", RejectedRequest(RequestFault.ANY_OA))
    assert let_in(signed_with(BESIDE, follow(oa_id=OTHER)), OURS, BESIDE)[0] == OTHER


@pytest.mark.parametrize(
    ("arrived", "keyring", "fault"),
    [
        (signed_with(OURS, follow(oa_id="99")), (OURS, THEIRS), RequestFault.FOREIGN_OA),
        (signed_with(OURS, follow(oa_id="99")), (OURS, BESIDE), RequestFault.FOREIGN_OA),
        (signed_with(Keys("1", "2", "3"), follow(oa_id="99")), (OURS, THEIRS), RequestFault.FORGED),
        (signed_with(OURS, from_user("user_send_text", oa_id=OTHER)), (OURS, BESIDE), RequestFault.FOREIGN_OA),
        (Arrived(follow(), ""), (OURS, THEIRS), RequestFault.UNSIGNED),
        (Arrived(b"{", "mac=0"), (OURS, THEIRS), RequestFault.MALFORMED),
        (signed_with(OURS, follow()), (UNSET, THEIRS), RequestFault.NO_SECRET),
        (signed_with(THEIRS, nameless(OTHER_APP)), (UNSET, OURS), RequestFault.FORGED),
    ],
)
def test_what_is_refused_for_one_oa_is_refused_for_several(
    arrived: Arrived, keyring: tuple[Keys, ...], fault: RequestFault
) -> None:
    """Foreign OAs, one body about two, no signature, no JSON, no key: with the same reasons."""
    assert let_in(arrived, *keyring)[1] == RejectedRequest(fault)


def test_the_probe_needs_no_oa() -> None:
    assert let_in(Arrived(b"{}", ""), OURS, THEIRS) == ("", Probe())


@pytest.fixture
def deployment(ledger_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployment]:
    """Two OAs with an app each."""
    monkeypatch.setattr(producers.hooks.http, "ring_events", lambda: None)
    made = Deployment(
        {
            keys.oa_id: Oa(keys.oa_id, f"oa-{keys.oa_id[0]}", Settings(
                _env_file=None, database_url=ledger_url, redis_url=redis_url, secret_keys=["0123456789abcdef"],
                zalo_app_id=keys.app_id, zalo_oa_id=keys.oa_id, zalo_oa_secret=keys.secret,
            ))  # type: ignore[call-arg]
            for keys in (OURS, THEIRS)
        }
    )  # fmt: skip
    yield made
    made.close()


def test_events_are_recorded_under_their_oa_though_they_come_in_one_batch(
    deployment: Deployment, ledger: Engine
) -> None:
    """The same user, the same moment, two OAs, each twice: two events of each."""
    requests = [
        signed_with(keys, follow(user=user, oa_id=keys.oa_id, app_id=keys.app_id))
        for keys in (OURS, THEIRS) for user in ("71", "72") for _ in range(2)
    ]  # fmt: skip

    async def send() -> list[int]:
        async with TestClient(TestServer(build(*deployment))) as client:

            async def one(arrived: Arrived) -> int:
                headers = {"X-ZEvent-Signature": arrived.signature}
                async with client.post("/hooks/zalo", data=arrived.body, headers=headers) as answer:
                    return answer.status

            return await asyncio.gather(*map(one, requests))

    assert set(asyncio.run(send())) == {200}
    with ledger.connect() as connection:
        rows = connection.execute(text("SELECT oa, count(*) FROM zalo_events GROUP BY oa ORDER BY oa"))
        assert [tuple(row) for row in rows] == [(OA, 2), (OTHER, 2)]
