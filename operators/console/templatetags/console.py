"""Tags for the console's templates: words, times, dossiers, forms.

A list has hundreds of cells, and Django's tags cost some twenty microseconds each. So words with a constant key are
looked up and escaped when a template is compiled, and what many rows share is rendered once (`stencil`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from django import template
from django.forms import BoundField
from django.template.base import FilterExpression, Node, NodeList, Parser, Token
from django.template.context import Context
from django.utils.html import conditional_escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from ledger.notices.switches import Switch
from operators.console import pieces
from operators.console.pauses import pause_said
from operators.console.stored_reasons import SaidReason
from operators.console.words import LANGUAGES, named, word

register = template.Library()

_QUOTES = "\"'"
_KEPT = 4096  # names that are kept in escaped form


@register.simple_tag(takes_context=True)
def t(context: Mapping[str, Any], key: str, **values: object) -> str:
    """The words for a key in the language of the page: `{% t "search.title" %}`. Values are escaped with the words."""
    return word(_language(context), key, **values)


class _Constant(Node):
    """Words without values, by language; a key that does not exist is a fault of the template, not of a request."""

    def __init__(self, key: str) -> None:
        self._said = {language: conditional_escape(word(language, key)) for language in LANGUAGES}

    def render(self, context: Context) -> str:
        return self._said[_language(context)]


_in_general = register.tags["t"]


@register.tag("t")
def _t(parser: Parser, token: Token) -> Node:
    words = token.split_contents()
    if len(words) == 2 and words[1][0] in _QUOTES:  # noqa: PLR2004 (the tag and its key)
        return _Constant(words[1].strip(_QUOTES))
    general: Node = _in_general(parser, token)
    return general


class _Named(Node):
    """The words for a name of a constant table."""

    def __init__(self, table: str, name: FilterExpression) -> None:
        self._table, self._name = table, name

    def render(self, context: Context) -> str:
        return _named(_language(context), self._table, str(self._name.resolve(context)))


@register.tag("t_of")
def _t_of(parser: Parser, token: Token) -> Node:
    """`{% t_of "states" notice.state %}`: the words for a state, a kind, a verb; the name itself if there are none."""
    _, table, name = token.split_contents()
    return _Named(table.strip(_QUOTES), parser.compile_filter(name))


@lru_cache(_KEPT)
def _named(language: str, table: str, name: str) -> str:
    return conditional_escape(named(language, table, name))


@register.simple_tag(takes_context=True)
def pause(context: Mapping[str, Any], switch: Switch) -> str:
    """What a switch stops."""
    return pause_said(_language(context), switch)


@register.simple_tag(takes_context=True)
def reason(context: Mapping[str, Any], one: SaidReason) -> SafeString:
    """A stored reason: its sentence, and behind a summary the stored text."""
    return pieces.reason(_language(context), one)


@register.simple_tag
def dossier(code: str | None) -> SafeString:
    """A link to a dossier; a dash for a notice that is about none."""
    return pieces.dossier(code)


class _Stencil(Node):
    """Renders its body once, with marks in the places of values, and puts in the values of each row, escaped."""

    def __init__(self, rows: FilterExpression, body: NodeList) -> None:
        self._rows, self._body = rows, body

    def render(self, context: Context) -> str:
        rows: Sequence[Mapping[str, Any]] = self._rows.resolve(context)
        if not rows:
            return ""
        marks = {name: mark_safe(f"\0{name}\0") for name in rows[0]}  # noqa: S308 (names of ours)
        with context.push(**marks):
            parts = self._body.render(context).split("\0")  # text, name, text, name, … text
        texts, names = parts[::2], parts[1::2]
        told: list[str] = []
        for row in rows:
            values = {name: conditional_escape(value) for name, value in row.items()}
            for piece, name in zip(texts, names, strict=False):
                told += (piece, values[name])
            told.append(texts[-1])
        return "".join(told)


@register.tag("stencil")
def _stencil(parser: Parser, token: Token) -> Node:
    """`{% stencil rows %}…{{ id }}…{% endstencil %}` for rows of one shape: nothing in it may depend on a value."""
    _, rows = token.split_contents()
    body = parser.parse(("endstencil",))
    parser.delete_first_token()
    return _Stencil(parser.compile_filter(rows), body)


@register.filter
def prose(told: str) -> SafeString:
    """A sentence of ours: what stands in backticks is a command."""
    parts = str(told).split("`")
    return format_html_join(
        "", "{}", ((format_html("<code>{}</code>", one) if n % 2 else one,) for n, one in enumerate(parts))
    )


@register.filter
def moment(at: datetime | None) -> SafeString:
    """A time as `<time>`: '19/02/2024 09:16', of Vietnam; a dash for none."""
    return pieces.moment(at)


@register.inclusion_tag("field.html", takes_context=True)
def field(
    context: Mapping[str, Any],
    bound: BoundField,
    label: str,
    autocomplete: str = "",
    hint: str = "",
    *,
    autofocus: bool = False,
    numeric: bool = False,
) -> dict[str, Any]:
    """A field of a Django form with our label and hint (keys of words), its errors beside it."""
    described = [f"{bound.auto_id}-errors"] if bound.errors else []
    described += [f"{bound.auto_id}-hint"] if hint else []
    wanted = {
        "aria-describedby": " ".join(described),
        "aria-invalid": "true" if bound.errors else "",
        "autocomplete": autocomplete,
        "inputmode": "numeric" if numeric else "",
        "placeholder": "",
    }
    attributes = {name: value or False for name, value in wanted.items()}  # False: not shown
    widget = bound.as_widget(attrs=attributes | {"autofocus": autofocus})
    return {"language": context.get("language"), "bound": bound, "widget": widget, "label": label, "hint": hint}


def _language(context: Any) -> str:
    found: str = context.get("language", LANGUAGES[0])
    return found
