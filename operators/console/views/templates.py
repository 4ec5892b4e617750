"""Templates: which words are in use, what is proposed, and how each looks to those who get it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from domain.kinds import RANK
from domain.proofreading import TemplateFault
from domain.template_source import LONGEST_SOURCE, SHIPPED_VERSION, TemplateSource
from ledger.letters import versions
from ledger.letters.versions import TemplateOrigin, TemplateVersion, VersionState
from operators.console import ground
from operators.console.answers import by_of, ring_for, see_other, tell, tell_fault, why_of
from operators.console.layout import language_of
from operators.console.lists import services_of
from operators.console.roles import may
from operators.console.views.lists import common
from operators.console.words import named
from operators.wording import deeds
from operators.wording.deeds import TemplateAuthor, TemplateRefusal, TemplateResult
from operators.wording.looks import changes, kind_rows, look, source_of
from operators.wording.sentences import fault_said, refusal_said
from operators.wording.trial import send_trial
from worker.services.bootstrap import Services
from worker.services.proofs import faults_of

_DIGITS = 10  # of a version: it is an int in the ledger


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Every kind with the version in use, open proposals, and whether its file is bad."""
    one = services_of(request)
    rows = kind_rows(one, _versions(one))
    return render(request, "pages/templates.html", {"page": "templates", "rows": rows, **common(request, one)})


@require_safe
def show(request: HttpRequest, kind: str) -> HttpResponse:
    """The versions of a kind, one of them beside the one in use, and the form for another."""
    one = services_of(request)
    found = _versions(one, kind)
    asked = request.GET.get("version", "")
    number = int(asked) if asked.isdecimal() and len(asked) < _DIGITS else None
    source = None if number is None else source_of(one, found, kind, number)
    if number is not None and source is None:
        raise Http404
    return _page(request, one, found, kind, _shown(request, one, kind, source, number))


@require_POST
def add(request: HttpRequest, kind: str) -> HttpResponse:
    """Look at other words, or propose them."""
    one = services_of(request)
    found = _versions(one, kind)
    source = deeds.tidied(one, kind, _typed(request, "message"), _typed(request, "form"))
    if request.POST.get("do") != "propose":
        return _page(request, one, found, kind, _shown(request, one, kind, source, None), typed=source)
    if not why_of(request):
        return _page(request, one, found, kind, {"fault": "lacks_reason"}, typed=source, status=400)
    result = deeds.propose(one, kind, source, _author(request))
    if isinstance(result, TemplateVersion):
        return _done(request, one, result)
    if isinstance(result, TemplateRefusal):
        shown: dict[str, Any] = {"faults": [refusal_said(result, language_of(request))]}
    else:
        shown = {"faults": _said(request, result)}
    return _page(request, one, found, kind, shown, typed=source, status=400)


@require_POST
def try_out(request: HttpRequest, kind: str) -> HttpResponse:
    """Send the sample of a version to a member of the staff; the phone stands in the form alone."""
    one = services_of(request)
    found = _versions(one, kind)
    number = request.POST.get("version", "")
    source = source_of(one, found, kind, int(number)) if number.isdecimal() and len(number) < _DIGITS else None
    if source is None:
        raise Http404
    if not why_of(request):
        return _page(request, one, found, kind, {"fault": "lacks_reason"}, status=400)
    result = send_trial(one, kind, source, request.POST.get("whom", ""), _author(request))
    if isinstance(result, TemplateRefusal):
        tell_fault(request, "templates.refused_deed", why=refusal_said(result, language_of(request)))
    elif result:
        return _page(request, one, found, kind, {"faults": _said(request, result)}, status=400)
    else:
        ring_for(one.oa)
        tell(request, "templates.sent")
    return see_other(_address(one, kind))


@require_POST
def approve(request: HttpRequest, kind: str, number: int) -> HttpResponse:
    """Use a proposal from now on."""
    return _do(request, kind, lambda one, author: deeds.approve(one, kind, number, author))


@require_POST
def refuse(request: HttpRequest, kind: str, number: int) -> HttpResponse:
    """Refuse a proposal for good."""
    return _do(request, kind, lambda one, author: deeds.refuse(one, kind, number, author))


@require_POST
def go_back(request: HttpRequest, kind: str, number: int) -> HttpResponse:
    """Use an earlier version again; version 1 is the founding one."""
    return _do(request, kind, lambda one, author: deeds.go_back(one, kind, number, author))


def _do(request: HttpRequest, kind: str, deed: Callable[[Services, TemplateAuthor], TemplateResult]) -> HttpResponse:
    one = services_of(request)
    found = _versions(one, kind)
    if not why_of(request):
        return _page(request, one, found, kind, {"fault": "lacks_reason"}, status=400)
    result = deed(one, _author(request))
    if isinstance(result, TemplateVersion):
        return _done(request, one, result)
    if isinstance(result, TemplateRefusal):
        tell_fault(request, "templates.refused_deed", why=refusal_said(result, language_of(request)))
        return see_other(_address(one, kind))
    return _page(request, one, found, kind, {"faults": _said(request, result)}, status=400)


def _done(request: HttpRequest, one: Services, made: TemplateVersion) -> HttpResponse:
    language = language_of(request)
    state = named(language, "templates.states", made.state)
    tell(request, "templates.done", kind=named(language, "kinds", made.kind), version=made.version, state=state)
    return see_other(_address(one, made.kind))


def _address(one: Services, kind: str) -> str:
    query = f"?oa={one.oa}" if ground.deployment().several else ""
    return f"{reverse('template', kwargs={'kind': kind})}{query}"


def _versions(one: Services, kind: str | None = None) -> list[TemplateVersion]:
    """All versions, or those of a kind. Raises `Http404` for a kind that there is not."""
    if kind is not None and kind not in RANK:
        raise Http404
    with ground.reading() as connection:
        one.letters.refresh(connection, now=True)
        return versions.listed(connection, one.oa, kind)


def _author(request: HttpRequest) -> TemplateAuthor:
    role = cast("Any", request).account.role
    return TemplateAuthor(
        by_of(request), why_of(request), TemplateOrigin.CONSOLE, may(role, "template_approval", "POST")
    )


def _typed(request: HttpRequest, name: str) -> str:
    return request.POST.get(name, "").lstrip("\ufeff")[: LONGEST_SOURCE + 1]


def _said(request: HttpRequest, faults: Sequence[TemplateFault]) -> list[str]:
    return [fault_said(fault, language_of(request)) for fault in faults]


def _shown(
    request: HttpRequest, one: Services, kind: str, source: TemplateSource | None, number: int | None
) -> dict[str, Any]:
    """A version, or what was typed, with its faults and how it differs from the version in use."""
    if source is None:
        return {}
    used, language = one.letters.source(kind), language_of(request)
    names = (named(language, "templates", "in_use_short"), named(language, "templates", "this_short"))
    return {
        "shown": look(one, kind, source),
        "shown_number": number,
        "faults": _said(request, faults_of(one, kind, source)),
        "diff": changes(used, source, names),
        "differs": source != used,
    }


def _page(
    request: HttpRequest,
    one: Services,
    found: Sequence[TemplateVersion],
    kind: str,
    shown: dict[str, Any],
    *,
    typed: TemplateSource | None = None,
    status: int = 200,
) -> HttpResponse:
    role, used = cast("Any", request).account.role, one.letters.source(kind)
    number = shown.get("shown_number")
    version = next((each for each in found if each.version == number), None)
    may_approve = may(role, "template_approval", "POST")
    context = {
        "page": "template",
        "kind": kind,
        "versions": found,
        "used": one.letters.version(kind),
        "used_look": look(one, kind, used),
        "edited": typed or used,
        "typed_why": request.POST.get("why", ""),
        "may_propose": may(role, "template_versions", "POST"),
        "tried": number or one.letters.version(kind),
        "may_decide": may_approve and version is not None and version.state is VersionState.PROPOSED,
        "may_return": may_approve and version is not None and version.state is VersionState.APPROVED,
        "may_restore": may_approve and one.letters.version(kind) != SHIPPED_VERSION,
        "two": one.settings.template_approval == "two",
        **shown,
        **common(request, one),
    }
    return render(request, "pages/template.html", context, status=status)
