"""The OA's tokens: whatever a refresh meets ends in a known state, and no answer can destroy a pair (R41)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine

from ledger.base.sealing import Sealer, SealError
from ledger.zalo.credentials import Credential, Credentials, Pair
from sandbox.zalo.client import SandboxZalo
from worker.channels.zalo.oauth import TokenReplyError, pair_of
from worker.channels.zalo.tokens import Access, NoAccess, Tokens
from worker.wire.client import RequestsClient

OA = "4024926008133882615"
APP, SECRET = "4213356789012345678", "app-secret"
OAUTH = "/v4/oa/access_token"


@pytest.fixture
def zalo() -> Iterator[SandboxZalo]:
    """Zalo in a box."""
    with SandboxZalo(app_id=APP, app_secret=SECRET, oa_id=OA) as box:
        yield box


@pytest.fixture
def credentials() -> Credentials:
    """Credentials under a key of the test."""
    return Credentials(Sealer(["a-key-for-tests-0123456789"]))


@pytest.fixture
def tokens(ledger: Engine, zalo: SandboxZalo, credentials: Credentials) -> Iterator[Tokens]:
    """Tokens whose pair is stored and good."""
    with ledger.begin() as tx:
        credentials.store(tx, OA, pair_of(zalo.mint_tokens()))
    yield from made(ledger, zalo, credentials)


def made(ledger: Engine, zalo: SandboxZalo, credentials: Credentials) -> Iterator[Tokens]:
    """Tokens on a wire that is closed afterwards."""
    client = RequestsClient(3)
    yield Tokens(ledger, credentials, client, oauth_url=zalo.api_url, app_id=APP, app_secret=SECRET)
    client.close()


def stored(ledger: Engine, credentials: Credentials) -> Credential:
    """The credential as it stands."""
    with ledger.connect() as connection:
        found = credentials.read(connection, OA)
    assert found is not None
    return found


def test_many_refreshers_at_once_make_one_refresh(ledger: Engine, zalo: SandboxZalo, tokens: Tokens) -> None:
    """Incident 18: eight callers with a refused token, one call to Zalo, one new version for all."""
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: tokens.renew(OA, 1), range(8)))
    assert zalo.stats()["refreshes"] == 1
    assert tokens.renew(OA, 1) == tokens.access(OA)
    answer = tokens.access(OA)
    assert isinstance(answer, Access)
    assert answer.version == 2


def test_a_lost_reply_leaves_the_pair_and_is_retried_into_a_dead_grant(
    ledger: Engine, zalo: SandboxZalo, tokens: Tokens, credentials: Credentials, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reply to a refresh is lost: nothing is overwritten; the next try learns that the grant is gone."""
    before = stored(ledger, credentials)
    zalo.fault("reset_after", count=1, path=OAUTH)
    assert isinstance(tokens.renew(OA, 1), NoAccess)
    after = stored(ledger, credentials)
    assert (after.refresh, after.version) == (before.refresh, 1)
    assert after.refresh_began_at is not None
    assert after.dead_because is None
    monkeypatch.setattr("worker.channels.zalo.tokens._PATIENCE", 0)
    assert isinstance(tokens.renew(OA, 1), NoAccess)
    assert "-14014" in str(stored(ledger, credentials).dead_because)


def test_a_refresh_that_never_reached_zalo_costs_nothing(
    ledger: Engine, zalo: SandboxZalo, tokens: Tokens, credentials: Credentials
) -> None:
    """Refused connections: the intent is cleared and the next try works."""
    zalo.down()
    tokens.renew(OA, 1)
    assert stored(ledger, credentials).refresh_began_at is None
    zalo.up()
    assert isinstance(tokens.renew(OA, 1), Access)


@pytest.mark.parametrize("kind", ["http_500", "garbage", "truncated_json", "empty_body"])
def test_an_answer_that_is_none_never_overwrites_the_pair(
    ledger: Engine, zalo: SandboxZalo, tokens: Tokens, credentials: Credentials, kind: str
) -> None:
    """HTML, garbage and half answers prove nothing, and the stored pair stays."""
    before = stored(ledger, credentials)
    zalo.fault(kind, count=1, path=OAUTH)
    tokens.renew(OA, 1)
    assert stored(ledger, credentials).refresh == before.refresh


def test_a_dead_grant_stops_the_channel_until_a_new_pair_is_imported(
    ledger: Engine, zalo: SandboxZalo, tokens: Tokens, credentials: Credentials
) -> None:
    """-14014: said, remembered, not looped on; an import brings everything back."""
    zalo.kill_grant()
    assert isinstance(tokens.renew(OA, 1), NoAccess)
    requests = zalo.stats()["requests"][OAUTH]
    assert isinstance(tokens.access(OA), NoAccess)
    assert zalo.stats()["requests"][OAUTH] == requests
    with ledger.begin() as tx:
        credentials.store(tx, OA, pair_of(zalo.mint_tokens()))
    assert isinstance(tokens.access(OA), Access)


def test_a_pair_is_renewed_at_four_fifths_of_its_life(
    ledger: Engine, zalo: SandboxZalo, tokens: Tokens, credentials: Credentials
) -> None:
    """Readers never refresh early; the tick does, and only when it is time."""
    tokens.renew_if_worn(OA)
    assert zalo.stats()["refreshes"] == 0
    with ledger.begin() as tx:
        tx.exec_driver_sql("UPDATE credentials SET issued_at = now() - interval '21 hours', "
                           "expires_at = now() + interval '4 hours'")  # fmt: skip
    tokens.renew_if_worn(OA)
    assert zalo.stats()["refreshes"] == 1


def test_a_token_is_sealed_at_rest_and_old_keys_still_open_it(ledger: Engine) -> None:
    """The first key encrypts, all decrypt; without the key it is an error that says what to do."""
    with ledger.begin() as tx:
        Credentials(Sealer(["the-old-key-0123456789"])).store(tx, OA, Pair("access", "refresh", 90_000))
    assert stored(ledger, Credentials(Sealer(["the-new-key-0123456789", "the-old-key-0123456789"]))).access == "access"
    with ledger.connect() as connection, pytest.raises(SealError, match="HCC_SECRET_KEYS"):
        Credentials(Sealer(["the-new-key-0123456789"])).read(connection, OA)
    with ledger.connect() as connection:
        row = connection.exec_driver_sql("SELECT access_sealed FROM credentials").scalar_one()
    assert b"access" not in bytes(row)


@pytest.mark.parametrize(
    "reply",
    [
        '{"error": -14014, "error_name": "Invalid refresh token.", "access_token": "", "refresh_token": ""}',
        '{"access_token": "a"}',
        '{"access_token": "a", "refresh_token": "", "expires_in": "90000"}',
        '{"access_token": "a", "refresh_token": "r", "expires_in": "soon"}',
        "[]",
    ],
)
def test_a_reply_without_a_whole_pair_is_no_pair(reply: str) -> None:
    """Success is both tokens and no error, whatever else stands there; no token stands in the text of the fault."""
    with pytest.raises(TokenReplyError):
        pair_of(json.loads(reply))
