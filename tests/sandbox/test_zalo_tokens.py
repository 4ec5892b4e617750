"""OAuth: flat replies, refresh tokens for one use, codes for ten minutes."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from sandbox.zalo.client import SandboxZalo
from sandbox.zalo.tokens import challenge_of

APP, SECRET, OA = "3605180934221887501", "hop-cat-app-secret", "2893352839501541173"
VERIFIER = "kx7hN0cQb2u5e8rT1yU4iO6pA9sD3fG7hJ0kL2zX5cV"


@pytest.fixture(scope="module")
def process() -> Iterator[SandboxZalo]:
    with SandboxZalo(app_id=APP, app_secret=SECRET, oa_id=OA) as zalo:
        yield zalo


@pytest.fixture
def zalo(process: SandboxZalo) -> SandboxZalo:
    process.reset()
    return process


def ask(zalo: SandboxZalo, secret: str = SECRET, **form: str) -> dict[str, Any]:
    answer = requests.post(
        zalo.api_url + "/v4/oa/access_token",
        data={"app_id": APP} | form,
        headers={"secret_key": secret},
        timeout=10,
    )
    assert answer.status_code == 200
    reply: dict[str, Any] = answer.json()
    return reply


def refresh(zalo: SandboxZalo, token: str) -> dict[str, Any]:
    return ask(zalo, grant_type="refresh_token", refresh_token=token)


def consent(zalo: SandboxZalo, **parameters: str) -> str:
    answer = requests.get(
        zalo.api_url + "/v4/oa/permission",
        params={"app_id": APP, "redirect_uri": "http://localhost:9/back"} | parameters,
        allow_redirects=False,
        timeout=10,
    )
    assert answer.status_code == 302
    return answer.headers["Location"]


def code_of(location: str) -> str:
    return parse_qs(urlsplit(location).query)["code"][0]


def oa_says(zalo: SandboxZalo, access_token: str) -> int:
    answer = requests.get(f"{zalo.api_url}/v2.0/oa/getoa", headers={"access_token": access_token}, timeout=10)
    code: int = answer.json()["error"]
    return code


def test_minted_tokens_have_the_shape_of_an_oauth_reply_and_work(zalo: SandboxZalo) -> None:
    """Three strings, the life among them, and the access token is good."""
    tokens = zalo.mint_tokens()

    assert set(tokens) == {"access_token", "refresh_token", "expires_in"}
    assert tokens["expires_in"] == "90000"
    assert oa_says(zalo, tokens["access_token"]) == 0


def test_a_refresh_gives_a_new_pair_and_ends_the_old_access_token(zalo: SandboxZalo) -> None:
    """The previous access token dies the moment a new one is there."""
    old = zalo.mint_tokens()

    new = refresh(zalo, old["refresh_token"])

    assert set(new) == {"access_token", "refresh_token", "expires_in"}
    assert oa_says(zalo, old["access_token"]) == -220
    assert oa_says(zalo, new["access_token"]) == 0
    assert zalo.stats()["refreshes"] == 1


def test_the_old_access_token_can_be_let_live(zalo: SandboxZalo) -> None:
    """Zalo's words are not certain here, so a switch decides."""
    zalo.switch(old_token_dies=False)
    old = zalo.mint_tokens()

    refresh(zalo, old["refresh_token"])

    assert oa_says(zalo, old["access_token"]) == 0


def test_a_refresh_token_is_good_for_one_use(zalo: SandboxZalo) -> None:
    """The second use is answered with a flat error and empty tokens, and leaves the new pair alone."""
    old = zalo.mint_tokens()
    new = refresh(zalo, old["refresh_token"])

    again = refresh(zalo, old["refresh_token"])

    assert (again["error"], again["error_name"]) == (-14014, "Invalid refresh token.")
    assert (again["access_token"], again["refresh_token"]) == ("", "")
    assert oa_says(zalo, new["access_token"]) == 0


@pytest.mark.parametrize(
    ("form", "secret", "code"),
    [
        pytest.param({"grant_type": "refresh_token"}, "wrong", -14004, id="a wrong secret"),
        pytest.param({"grant_type": "refresh_token", "app_id": "1"}, SECRET, -14002, id="another app"),
        pytest.param({"grant_type": "refresh_token", "client_secret": SECRET}, SECRET, -14004, id="secret in the form"),
        pytest.param({"grant_type": "authorization_code", "code": "x"}, SECRET, -14005, id="an unknown code"),
        pytest.param({"grant_type": "password"}, SECRET, -14018, id="another grant type"),
    ],
)
def test_a_wrong_token_request_is_refused_flat(zalo: SandboxZalo, form: dict[str, str], secret: str, code: int) -> None:
    """OAuth failures carry error_name and no message."""
    reply = ask(zalo, secret=secret, **form)

    assert reply["error"] == code
    assert reply["error_name"]
    assert "data" not in reply


def test_a_json_body_is_no_token_request(zalo: SandboxZalo) -> None:
    """The endpoint takes a form."""
    body = {"app_id": APP, "grant_type": "refresh_token", "refresh_token": zalo.mint_tokens()["refresh_token"]}

    answer = requests.post(zalo.api_url + "/v4/oa/access_token", json=body, headers={"secret_key": SECRET}, timeout=10)

    assert answer.json()["error"] == -14004


def test_consent_gives_a_code_that_the_verifier_turns_into_tokens_once(zalo: SandboxZalo) -> None:
    """The redirect carries code, oa_id and state; the code is for one use."""
    location = consent(zalo, code_challenge=challenge_of(VERIFIER), state="lan-1")
    query = parse_qs(urlsplit(location).query)

    first, second = (
        ask(zalo, grant_type="authorization_code", code=query["code"][0], code_verifier=VERIFIER) for _ in range(2)
    )

    assert (query["oa_id"], query["state"]) == ([OA], ["lan-1"])
    assert oa_says(zalo, first["access_token"]) == 0
    assert second["error"] == -14005


def test_a_verifier_that_does_not_fit_is_refused(zalo: SandboxZalo) -> None:
    """PKCE: the verifier must hash to the challenge."""
    code = code_of(consent(zalo, code_challenge=challenge_of(VERIFIER)))

    assert ask(zalo, grant_type="authorization_code", code=code, code_verifier="other")["error"] == -14005


def test_a_code_lives_ten_minutes(zalo: SandboxZalo) -> None:
    """After ten minutes on this Zalo's clock it is dead."""
    code = code_of(consent(zalo))
    zalo.clock(advance=601)

    assert ask(zalo, grant_type="authorization_code", code=code)["error"] == -14005


def test_the_challenge_of_the_console_page_can_be_the_only_one(zalo: SandboxZalo) -> None:
    """In strict mode a challenge made per request fails at the token step."""
    zalo.switch(console_challenge=challenge_of("the console's verifier"))
    code = code_of(consent(zalo, code_challenge=challenge_of(VERIFIER)))

    assert ask(zalo, grant_type="authorization_code", code=code, code_verifier=VERIFIER)["error"] == -14005


@pytest.mark.parametrize(
    ("parameters", "code"), [({"app_id": "1"}, -14002), ({"redirect_uri": ""}, -14003), ({}, -14003)]
)
def test_a_wrong_consent_link_leads_to_the_error_page(zalo: SandboxZalo, parameters: dict[str, str], code: int) -> None:
    """The browser is sent to Zalo's error page with the code in the query."""
    zalo.switch(callback_url="https://hcc.hatinh.gov.vn/zalo")

    assert consent(zalo, **parameters) == f"/v4/permission/error?error_code={code}"


def test_an_access_token_lives_25_hours_and_a_refresh_token_three_months(zalo: SandboxZalo) -> None:
    """Both end by the clock."""
    tokens = zalo.mint_tokens()

    zalo.clock(advance=90_001)
    assert oa_says(zalo, tokens["access_token"]) == -220
    zalo.clock(advance=90 * 86_400)
    assert refresh(zalo, tokens["refresh_token"])["error"] == -14014


def test_a_killed_grant_refuses_access_and_refresh(zalo: SandboxZalo) -> None:
    """What happens when an administrator withdraws the consent."""
    tokens = zalo.mint_tokens()

    zalo.kill_grant()

    assert oa_says(zalo, tokens["access_token"]) == -220
    assert refresh(zalo, tokens["refresh_token"])["error"] == -14014


def test_expired_access_tokens_can_be_refreshed(zalo: SandboxZalo) -> None:
    """Expiry on demand leaves the refresh token alone."""
    tokens = zalo.mint_tokens()

    zalo.expire_tokens()

    assert oa_says(zalo, tokens["access_token"]) == -220
    assert oa_says(zalo, refresh(zalo, tokens["refresh_token"])["access_token"]) == 0


def test_two_accounts_have_tokens_of_their_own(zalo: SandboxZalo) -> None:
    """A refresh of one OA leaves the other's token alone."""
    ours, theirs = zalo.mint_tokens(), zalo.mint_tokens(oa_id="2893352839501549999", oa_name="OA khác")

    refresh(zalo, ours["refresh_token"])

    assert oa_says(zalo, theirs["access_token"]) == 0


def test_the_proof_is_checked_when_it_is_required(zalo: SandboxZalo) -> None:
    """The switch makes the optional header compulsory."""
    zalo.switch(require_proof=True)

    assert oa_says(zalo, zalo.mint_tokens()["access_token"]) == -242
