"""Small pieces of HTML that hundreds of cells have: a dossier's link, a time, a reason, a unit."""

from __future__ import annotations

from datetime import datetime
from functools import cache, lru_cache
from urllib.parse import quote

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from domain.clock import to_vietnam
from operators.console.stored_reasons import SaidReason
from operators.console.words import word

NONE = mark_safe("–")
_KEPT = 4096  # reasons and units


def dossier(code: str | None) -> SafeString:
    """A link to a dossier; a dash for a notice that is about none."""
    return (
        format_html('<a class="code" href="{}">{}</a>', _dossiers() + quote(code, safe=_PLAIN), code) if code else NONE
    )


_PLAIN = "/~:@!$&'()*+,;="  # as `reverse` leaves them


@cache
def _dossiers() -> str:
    """The address of a dossier without its code: `reverse` looks through all routes."""
    return reverse("dossier", args=["-"])[:-1]


def moment(at: datetime | None) -> SafeString:
    """A time as `<time>`: '19/02/2024 09:16', of Vietnam; a dash for none."""
    if at is None:
        return NONE
    there = to_vietnam(at)
    day, minute = there.strftime("%d/%m/%Y"), there.strftime("%H:%M")
    full = f'<time datetime="{at.isoformat()}" title="{day} {minute}:{there.second:02}">{day} {minute}</time>'
    return mark_safe(full)  # noqa: S308 (digits and signs only)


@lru_cache(_KEPT)
def reason(language: str, one: SaidReason) -> SafeString:
    """A stored reason: its sentence, and behind a summary the stored text."""
    if not one.stored:
        return format_html("{}", one.text)
    return format_html(
        '{}<details class="technical"><summary>{}</summary><code lang="en">{}</code></details>',
        one.text,
        word(language, "lists.technical"),
        one.stored,
    )


@lru_cache(_KEPT)
def unit(code: str | None, name: str) -> SafeString:
    """A unit's code and name, in small print below a dossier; empty for none."""
    said = f"{code} {name}".strip()
    return format_html('<br><span class="technical">{}</span>', said) if code else SafeString()


def code(language: str, received: int | None) -> SafeString:
    """The last code of a channel, in small print beside the number of tries; empty for none."""
    if received is None:
        return SafeString()
    return format_html(' <span class="technical">{}</span>', word(language, "dossier.code", code=received))
