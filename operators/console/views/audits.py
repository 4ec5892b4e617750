"""The audit: who did what, who looked, and why."""

from __future__ import annotations

from dataclasses import replace

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from ledger.notices.switches import EVERY_OA
from ledger.reports import audits
from operators.console import ground
from operators.console.layout import language_of
from operators.console.paging import before, narrowed
from operators.console.words import said
from operators.phrasebook import subject_said, why_said


@require_safe
def show(request: HttpRequest) -> HttpResponse:
    """A page of deeds, the newest first; `?by=` and `?verb=` narrow it."""
    by, verb = narrowed(request, "by"), narrowed(request, "verb")
    made = ground.deployment()
    with ground.reading() as connection:
        rows, following = audits.listed(connection, oas=[*made.oas, EVERY_OA], by=by, verb=verb, after=before(request))
    language = language_of(request)
    context = {
        "page": "audit",
        "rows": [
            replace(row, subject=said(language, subject_said(row.subject)), why=said(language, why_said(row.why)))
            for row in rows
        ],
        "by": by or "",
        "verb": verb or "",
        "kept": {name: value for name, value in (("by", by), ("verb", verb)) if value},
        "next": following,
        "several": made.several,
    }
    return render(request, "pages/audit.html", context)
