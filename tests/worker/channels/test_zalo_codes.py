"""Zalo's codes: every documented one has its row, per host, and means one thing."""

from __future__ import annotations

import pytest

from worker.channels.zalo.codes import TABLES, Host, Meaning, QuotaPeriod, Scope, look_up

# The codes of Zalo's pages, by what they ask of us; a second list, written apart from the tables on purpose.
DOCUMENTED: dict[Host, dict[Meaning, set[int]]] = {
    Host.OPENAPI: {
        Meaning.RATE: {-32},
        Meaning.UNSTATED: {-200},
        Meaning.LATER: {-214},
        Meaning.TOKEN: {-216, -220},
        Meaning.QUOTA: {-211, -218, -321, -311},
        Meaning.NIGHT: {-234},
        Meaning.RECIPIENT: {-213, -217, -227, -230, -232, -244, -249, -222, -305},
        Meaning.REQUEST: {-100, -201, -210, -233, -238, -241, -248, -403, -1340, -1341},
        Meaning.CONFIG: {
            *(-204, -205, -209, -212, -219, -221, -223, -224, -235, -237, -240, -242, -320),
            *(-202, -215),
        },
    },
    Host.BUSINESS: {
        Meaning.RATE: {-32},
        Meaning.UNSTATED: {-100},
        Meaning.LATER: {-152},
        Meaning.TOKEN: {-124},
        Meaning.QUOTA: {-115, -126, -137, -144, -1441, -147, -1472, -160},
        Meaning.NIGHT: {-133},
        Meaning.RECIPIENT: {-108, -110, -114, -118, -119, -134, -139, -140, -141, -1471},
        Meaning.REQUEST: {
            *(-106, -107, -1091, -111, -112, -1121, -1122, -1123, -1124, -113, -1131, -1132, -116, -121, -122, -123),
            *(-130, -132, -148, -149, -1491, -150, -151, -153, -158, -159, -161, -162),
        },
        Meaning.CONFIG: {
            *(-101, -102, -103, -104, -105, -109, -117, -120, -1201, -1202, -1241, -125, -127, -128, -129, -131),
            *(-135, -1351, -136, -138, -1381, -142, -143, -145, -146),
        },
    },
    Host.OAUTH: {
        Meaning.RATE: {-32},
        Meaning.GRANT: {-118, -14005, -14014},
        Meaning.CONFIG: {-14002, -14003, -14004, -14018, -14029},
    },
}


@pytest.mark.parametrize("host", Host)
def test_every_documented_code_has_its_row_and_no_other_has(host: Host) -> None:
    """A code that is missing would park notices; one too many would be an invention."""
    assert set(TABLES[host]) == set().union(*DOCUMENTED[host].values())


@pytest.mark.parametrize(
    ("host", "code", "meaning"),
    [
        (host, code, meaning)
        for host, meanings in DOCUMENTED.items()
        for meaning, codes in meanings.items()
        for code in sorted(codes)
    ],
)
def test_a_code_means_what_its_page_says(host: Host, code: int, meaning: Meaning) -> None:
    """The meaning decides between a wait, another channel, a dead letter and asking Zalo."""
    assert look_up(host, code).meaning is meaning


@pytest.mark.parametrize("host", Host)
def test_a_reason_is_a_short_plain_phrase(host: Host) -> None:
    """Operators read it in lists; Zalo's own wording stays in the comments."""
    for answer in TABLES[host].values():
        assert 5 <= len(answer.reason) <= 70
        assert answer.reason[-1] != "."


def test_one_number_means_different_things_on_different_hosts() -> None:
    """-118 is a person without Zalo on one host and a lost grant on another."""
    assert look_up(Host.BUSINESS, -118).meaning is Meaning.RECIPIENT
    assert look_up(Host.OAUTH, -118).meaning is Meaning.GRANT
    assert look_up(Host.OPENAPI, -118).meaning is Meaning.UNKNOWN
    assert look_up(Host.OPENAPI, -100).meaning is Meaning.REQUEST
    assert look_up(Host.BUSINESS, -100).meaning is Meaning.UNSTATED


@pytest.mark.parametrize(
    ("wording", "scope"),
    [
        ("Your application reached limit call api", Scope.APP),
        ("Your OA reached limit call api", Scope.OA),
        ("", Scope.APP),
    ],
)
def test_both_wordings_of_the_limit_are_a_limit(wording: str, scope: Scope) -> None:
    """One limit is the app's, the other one the OA's."""
    answer = look_up(Host.OPENAPI, -32, wording)
    assert (answer.meaning, answer.scope) == (Meaning.RATE, scope)


@pytest.mark.parametrize(
    ("wording", "meaning"),
    [
        ("Official Account has not authorized this API", Meaning.CONFIG),
        ("Your OA has reach the limit quota create article", Meaning.QUOTA),
        ("YOUR OA HAS REACH THE LIMIT QUOTA CREATE ARTICLE", Meaning.QUOTA),
        ("", Meaning.CONFIG),
    ],
)
def test_the_two_meanings_of_223_are_told_apart_by_the_text(wording: str, meaning: Meaning) -> None:
    """One number, two rows on Zalo's page."""
    assert look_up(Host.OPENAPI, -223, wording).meaning is meaning


@pytest.mark.parametrize("code", [-9999, -1, 1, 112, 452])
def test_a_code_without_a_row_is_unknown_and_names_itself(code: int) -> None:
    """Positive ones belong to another product of Zalo and have no business here."""
    answer = look_up(Host.BUSINESS, code, "quota")
    assert answer.meaning is Meaning.UNKNOWN
    assert answer.reason == f"unknown code {code} from business.openapi.zalo.me"


@pytest.mark.parametrize(
    ("host", "code", "scope", "period"),
    [
        (Host.OPENAPI, -211, Scope.OA, QuotaPeriod.DAY),
        (Host.OPENAPI, -218, Scope.PERSON, QuotaPeriod.DAY),
        (Host.OPENAPI, -321, Scope.APP, QuotaPeriod.MONEY),
        (Host.BUSINESS, -144, Scope.OA, QuotaPeriod.DAY),
        (Host.BUSINESS, -147, Scope.TEMPLATE, QuotaPeriod.DAY),
        (Host.BUSINESS, -1441, Scope.TEMPLATE, QuotaPeriod.MONTH),
        (Host.BUSINESS, -137, Scope.APP, QuotaPeriod.MONEY),
    ],
)
def test_a_quota_says_whose_it_is_and_when_it_comes_back(
    host: Host, code: int, scope: Scope, period: QuotaPeriod
) -> None:
    """One person's full inbox must not hold a province."""
    answer = look_up(host, code)
    assert (answer.scope, answer.period) == (scope, period)
