"""A dossier's story: the answer first, then every notice from its event to its receipt."""

from __future__ import annotations

from typing import Any, cast

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from domain.desk_search import phone_meant
from domain.spelling import looks_like_a_code
from ledger.reports import stories
from operators.console import ground
from operators.console.layout import language_of
from operators.console.people_met import meet
from operators.console.roles import DESK, Role, may
from operators.console.telling import saying, told
from operators.console.views.faults import away
from operators.explain import Explanation, Situation


@require_safe
def show(request: HttpRequest, code: str) -> HttpResponse:
    """The answer on the dossier that is meant by this code, as typed; another spelling leads to the ledger's own.

    A code without a notice is an answer too, not a 404.
    """
    made, language = ground.deployment(), language_of(request)
    role = cast("Any", request).account.role
    answer = ground.explainer().explain(code, shows_phone=role in DESK)
    if answer.verdict.situation is Situation.LEDGER_AWAY:
        return away(request)
    if answer.code != code and answer.verdict.situation not in (Situation.SEVERAL, Situation.NOT_A_CODE):
        return HttpResponseRedirect(reverse("dossier", args=[answer.code]))
    with ground.reading() as connection:
        unreadable = answer.verdict.situation is Situation.NOT_A_CODE
        notices = [] if unreadable else stories.story(connection, made.oas, answer.code)
    meet(request, [notice["person_id"] for notice in notices])
    context = {
        "page": "dossier",
        "code": answer.code,
        "titled": _is_a_code(answer),
        "saying": saying(answer.verdict, language),
        "nearest": answer.nearest,
        "notices": [told(notice, answer, language, made.names) for notice in reversed(notices)],
        "several": made.several,
        "live": bool(notices),
        "shows_texts": role != Role.AUDITOR,
        "shows_person": may(role, "person"),
    }
    return render(request, "pages/dossier.html", context)


def _is_a_code(answer: Explanation) -> bool:
    """Whether the title, which browsers keep, may have it: an address may be typed by hand, with a name or a phone."""
    known = answer.oa is not None or answer.verdict.situation is Situation.SEVERAL
    return known or (looks_like_a_code(answer.code) and phone_meant(answer.code) is None)
