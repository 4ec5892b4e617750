"""Whom a clerk may open: the people of dossiers and searches of this session. Nobody walks through all numbers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from django.http import HttpRequest

from operators.console.roles import Role

_KEY = "people_met"
_MOST = 200


def meet(request: HttpRequest, people: Iterable[int | None]) -> None:
    """Note the people of a page that was asked for by a dossier's code or by a phone."""
    if not _is_clerk(request):
        return
    met: list[int] = request.session.get(_KEY, [])
    new = [person for person in people if person is not None and person not in met]
    if new:
        request.session[_KEY] = [*met, *dict.fromkeys(new)][-_MOST:]


def may_open(request: HttpRequest, person: int) -> bool:
    """Whether the page of this person may be shown."""
    return not _is_clerk(request) or person in request.session.get(_KEY, [])


def _is_clerk(request: HttpRequest) -> bool:
    return bool(cast("Any", request).account.role == Role.VIEWER)
