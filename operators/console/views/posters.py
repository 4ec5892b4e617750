"""Posters of units, to print: one as PDF or PNG, several in one ZIP. They change nothing and say nothing personal."""

from __future__ import annotations

from collections.abc import Sequence
from tempfile import SpooledTemporaryFile
from typing import IO, TypeVar
from urllib.parse import quote

from django.http import FileResponse, Http404, HttpRequest, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from domain.clock import to_vietnam
from domain.units import ListedUnit
from ledger.base import units
from ledger.base.clock import now
from ledger.notices.verbs import Choice
from operators.console import ground
from operators.console.answers import see_other, tell_fault
from operators.console.lists import query_of, services_of, unit_of
from operators.console.views.lists import common
from operators.poster.choice import existing, posters
from operators.poster.poster import Poster, PosterFormat, PosterSize, file_name, write_all
from operators.poster.poster import render as draw
from worker.services.bootstrap import Services

MOST = 40  # posters of one ZIP: drawing one takes some tenths of a second
_IN_MEMORY = 1 << 22  # bytes; more go to the disk
_TYPES = {PosterFormat.PDF: "application/pdf", PosterFormat.PNG: "image/png"}

One = TypeVar("One", PosterSize, PosterFormat)


@require_safe
def show(request: HttpRequest) -> HttpResponse:
    """The units that have a poster today; for a clerk the own unit and what is below it."""
    one = services_of(request)
    context = {
        "page": "posters",
        "units": [
            {"code": unit.code, "name": unit.name, "file": quote(unit.code, safe="")} for unit in _units(request, one)
        ],
        "sizes": [size.value for size in PosterSize],
        "forms": [form.value for form in PosterFormat],
        "counts_scans": bool(one.settings.console_url),
    }
    return render(request, "pages/posters.html", {**context, **common(request, one)})


@require_safe
def as_file(request: HttpRequest, unit: str, form: str) -> HttpResponse:
    """The poster of one unit; `?size=` is the paper, A4 without it."""
    one, sort, size = services_of(request), _chosen(form, PosterFormat), _size(request)
    found = _posters(one, [each for each in _units(request, one) if each.code == unit])
    if not found:
        raise Http404
    made = found[0]
    return HttpResponse(
        draw(made, size, sort),
        content_type=_TYPES[sort],
        headers={"Content-Disposition": f'attachment; filename="{file_name(made, size, sort)}"'},
    )


@require_safe
def as_archive(request: HttpRequest) -> HttpResponseBase:
    """The posters of the chosen units in one ZIP; no unit or too many of them is a sentence on the page."""
    one, chosen = services_of(request), set(request.GET.getlist("unit"))
    sort, size = _chosen(request.GET.get("form", "pdf"), PosterFormat), _size(request)
    found = [each for each in _units(request, one) if each.code in chosen]
    if not 0 < len(found) <= MOST:
        tell_fault(request, "posters.too_many" if found else "posters.none_chosen", number=MOST)
        return see_other(reverse("posters") + query_of(one, Choice()))
    whole: IO[bytes] = SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 (the response closes it)
    write_all(_posters(one, found), size, sort, whole)  # type: ignore[arg-type]  # IO[bytes] is what it writes to
    whole.seek(0)
    return FileResponse(whole, as_attachment=True, filename=f"posters-{size}.zip", content_type="application/zip")


def _units(request: HttpRequest, one: Services) -> Sequence[ListedUnit]:
    """The units that exist today and that the account may see."""
    with ground.reading() as connection:
        listed = existing(units.listed(connection, one.oa), to_vietnam(now(connection)).date())
    own = unit_of(request, QueryDict())
    return [unit for unit in listed if own is None or unit.code == own or unit.code.startswith(f"{own}.")]


def _posters(one: Services, found: Sequence[ListedUnit]) -> Sequence[Poster]:
    known = one.settings
    return posters(found, oa=one.oa, place=known.place, console_url=known.console_url)


def _size(request: HttpRequest) -> PosterSize:
    return _chosen(request.GET.get("size", "a4"), PosterSize)


def _chosen(given: str, sort: type[One]) -> One:
    """A size or a format by its name. Raises `Http404`."""
    try:
        return sort(given)
    except ValueError:
        raise Http404 from None
