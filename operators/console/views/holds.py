"""Lifts a hold that Zalo imposed, when somebody knows better; Zalo's answers may impose it again."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_POST

from coordination.connection import QueueDown
from ledger.notices.verbs import Choice
from operators.console import ground, vitals
from operators.console.answers import by_of, see_other, tell, tell_fault, why_of
from operators.console.layout import language_of
from operators.console.lists import query_of, services_of
from operators.console.numbers import number_said
from operators.lifting import lift
from worker.delivery.feedback import concerns


@require_POST
def end(request: HttpRequest, key: str) -> HttpResponse:
    """What waits for it is sent at once; its OA's page says how many."""
    why, made = why_of(request), list(ground.deployment())
    back = see_other(f"{reverse('system')}{query_of(services_of(request), Choice())}#holds")
    if not why:
        tell_fault(request, "conflict.reason")
        return back
    try:
        held = services_of(request).holds.of([key]).get(key)
        if held is None or not any(concerns(one, key) for one in made):
            tell_fault(request, "holds.over")
            return back
        brought = lift(held, made, by=by_of(request), why=why)
    except QueueDown:
        tell_fault(request, "overview.redis_away")
        return back
    vitals.forget()
    tell(request, "holds.lifted", hold=key, number=number_said(language_of(request), brought))
    return back
