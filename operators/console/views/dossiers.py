"""A dossier's story: the answer first, then every notice from its event to its receipt."""

from __future__ import annotations

from typing import Any, cast

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from ledger.reports import stories
from operators.console import ground
from operators.console.layout import language_of
from operators.console.roles import Role, may
from operators.console.telling import saying, told
from operators.console.views.faults import away
from operators.explain import Situation


@require_GET
def show(request: HttpRequest, code: str) -> HttpResponse:
    """The answer on the dossier that is meant by this code, as typed; another spelling leads to the ledger's own.

    A code without a notice is an answer too, not a 404.
    """
    made, language = ground.deployment(), language_of(request)
    answer = ground.explainer().explain(code)
    if answer.verdict.situation is Situation.LEDGER_AWAY:
        return away(request)
    if answer.code != code and answer.verdict.situation not in (Situation.SEVERAL, Situation.NOT_A_CODE):
        return HttpResponseRedirect(reverse("dossier", args=[answer.code]))
    with ground.reading() as connection:
        notices = stories.story(connection, made.oas, answer.code)
    role = cast("Any", request).account.role
    context = {
        "page": "dossier",
        "code": answer.code,
        "saying": saying(answer.verdict, language),
        "nearest": answer.nearest,
        "notices": [told(notice, answer, language, made.names) for notice in reversed(notices)],
        "several": made.several,
        "live": bool(notices),
        "shows_texts": role != Role.AUDITOR,
        "shows_person": may(role, "person"),
    }
    return render(request, "pages/dossier.html", context)
