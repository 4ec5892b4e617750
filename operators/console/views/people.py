"""A person: the phone (masked), the Zalo user, and the notices to this phone."""

from __future__ import annotations

from typing import Any, cast

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST, require_safe

from domain.phone import masked_national
from ledger.base.audit import audit
from ledger.reports import stories
from operators.console import ground
from operators.console.answers import by_of, why_of
from operators.console.paging import before, next_mark
from operators.console.people_met import may_open
from operators.console.roles import DUTY, may
from operators.console.views.faults import refused


@require_safe
def show(request: HttpRequest, person: int) -> HttpResponse:
    """The person, and a page of notices."""
    return _page(request, person)


@require_POST
def unmask(request: HttpRequest, person: int) -> HttpResponse:
    """The same page with the whole phone, once; who saw it and why is recorded before it is shown."""
    why = why_of(request)
    if not why:
        return _page(request, person, lacks_reason=True)
    with ground.writing() as tx:
        row = stories.person(tx, ground.deployment().oas, person)
        if row is None:
            raise Http404
        audit(tx, row["oa"], "unmask", f"person {person}", by=by_of(request), why=why)
    return _page(request, person, unmasked=True)


def _page(request: HttpRequest, person: int, *, unmasked: bool = False, lacks_reason: bool = False) -> HttpResponse:
    if not may_open(request, person):
        return refused(request, DUTY)
    made, mark = ground.deployment(), before(request)
    with ground.reading() as connection:
        row = stories.person(connection, made.oas, person)
        if row is None:
            raise Http404
        notices = stories.notices_of(connection, person, mark)
    sealed = row.pop("phone_sealed")
    phone = made.shared.sealer.open(sealed) if sealed else None
    context = {
        "page": "person",
        "person": row,
        "phone": phone if unmasked or phone is None else masked_national(phone),
        "unmasked": unmasked,
        "lacks_reason": lacks_reason,
        "may_unmask": phone is not None and may(cast("Any", request).account.role, "person_unmaskings", "POST"),
        "notices": notices,
        "next": next_mark(notices),
    }
    return render(request, "pages/person.html", context)
