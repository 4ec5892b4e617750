"""The language switch, and whether the process lives."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from operators.console.middleware import LANGUAGE_COOKIE
from operators.console.words import LANGUAGES

_YEAR_SECONDS = 365 * 24 * 3600


@require_safe
def healthz(_: HttpRequest) -> HttpResponse:
    """200 while the process lives; no server is asked."""
    return HttpResponse("ok\n", content_type="text/plain")


@csrf_exempt
@require_POST
def language(request: HttpRequest) -> HttpResponse:
    """Remember the language and return to the page; needs no token, as it changes nothing but words."""
    chosen, back = request.POST.get("language", ""), request.POST.get("next", "/")
    if chosen not in LANGUAGES:
        return HttpResponseBadRequest()
    if not url_has_allowed_host_and_scheme(back, allowed_hosts=None):
        back = "/"
    response = HttpResponseRedirect(back)
    response.set_cookie(
        LANGUAGE_COOKIE, chosen, max_age=_YEAR_SECONDS, secure=request.is_secure(), httponly=True, samesite="Lax"
    )
    return response
