"""The lists of notices that wait for somebody, with their verbs, in one table; and the filters of an address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, QueryDict

from domain.kinds import RANK
from domain.lifecycle import State
from ledger.notices import verbs
from ledger.notices.verbs import Choice, Deed
from operators.console import ground
from operators.console.roles import Role
from worker.services.bootstrap import Services

FILTERS = ("kind", "cause", "code", "unit")
_LONGEST = 500  # of a filter's text
_CODES = range(-(2**31), 2**31)


@dataclass(frozen=True, slots=True)
class NoticeList:
    """A list: its name in addresses and words, its state, and the verbs on one and on many of its notices.

    `many`: the verb's name for many in addresses → its deeds by the choice in the form; one alone is not asked for.
    """

    name: str
    state: State
    one: Mapping[str, Deed] = field(default_factory=dict)
    many: Mapping[str, Mapping[str, Deed]] = field(default_factory=dict)


LISTS: Mapping[str, NoticeList] = {
    "dead": NoticeList(
        "dead",
        State.DEAD,
        {"retry": verbs.RETRY, "discard": verbs.DISCARD},
        {"retries": {"": verbs.RETRY}, "discards": {"": verbs.DISCARD}},
    ),
    "uncertain": NoticeList("uncertain", State.UNCERTAIN, verbs.SETTLE, {"verdicts": verbs.SETTLE}),
    "unreachable": NoticeList("unreachable", State.UNREACHABLE),
    "quarantine": NoticeList(
        "quarantine",
        State.QUARANTINED,
        {"release": verbs.RELEASE, "discard": verbs.DROP},
        {"releases": {"": verbs.RELEASE}, "discards": {"": verbs.DROP}},
    ),
    "expired": NoticeList(
        "expired", State.EXPIRED, {"retry": verbs.RETRY_EXPIRED}, {"retries": {"": verbs.RETRY_EXPIRED}}
    ),
}
"""By name. A verdict on an uncertain notice is one of two deeds, chosen in the form."""


def services_of(request: HttpRequest) -> Services:
    """The OA of `?oa=`, without it the first one. Raises `Http404` for one that is not served."""
    made, given = ground.deployment(), request.GET.get("oa") or request.POST.get("oa")
    if not given:
        return next(iter(made))
    if (one := made.named(given)) is None:
        raise Http404
    return one


def choice_of(request: HttpRequest, given: QueryDict) -> Choice:
    """The filter of an address or a form; what is no filter is left out. A clerk sees the own unit only."""
    code, kind = given.get("code", ""), given.get("kind", "")
    sound = code.removeprefix("-").isdecimal() and code.isascii() and len(code) < 12 and int(code) in _CODES  # noqa: PLR2004 (digits of an int)
    return Choice(
        kind=kind if kind in RANK else None,
        cause=str(given["cause"])[:_LONGEST] if "cause" in given else None,
        code=int(code) if sound else None,
        unit=unit_of(request, given),
    )


def unit_of(request: HttpRequest, given: QueryDict) -> str | None:
    """The unit of an address or a form, None for all; for a clerk the own unit, or a part of it."""
    account, asked = cast("Any", request).account, given.get("unit", "")[:_LONGEST].strip().upper()
    if account.role != Role.VIEWER:
        return asked or None
    inside = asked == account.unit or asked.startswith(f"{account.unit}.")
    return asked if account.unit and inside else account.unit


def filters(choice: Choice) -> dict[str, Any]:
    """The filters of a choice that are set."""
    return {name: getattr(choice, name) for name in FILTERS if getattr(choice, name) is not None}


def query_of(one: Services, choice: Choice, **more: object) -> str:
    """The query of an address for a choice: '?kind=accepted'; empty for no filter."""
    several = {"oa": one.oa} if ground.deployment().several else {}
    query = urlencode({**several, **filters(choice), **more})
    return f"?{query}" if query else ""


def moment_of(given: QueryDict, name: str) -> datetime | None:
    """A time in a form of ours; None for what is none."""
    try:
        found = datetime.fromisoformat(given.get(name, ""))
        return found.astimezone(UTC) if found.tzinfo else None
    except (ValueError, OverflowError):
        return None
