"""Fill in an approved template from a kind and its facts; templates/<kind>/zns.toml lists each template's parameters.

Zalo's approved templates (ZBS Template Message, formerly ZNS) contain the wording; we fill in their parameters. Values
are strings, measured in code points after NFC: decomposed text is longer and would be refused (-1121). The wording may
not contain a link, so the fee's link is behind a button, which is part of the registered template.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from domain.letters import Facts, shown
from domain.template_source import FORM_FILE
from domain.text import nfc


class FormError(Exception):
    """A template cannot be filled in. Names the kind, the parameter and the fault; never contains a fact's value."""


@dataclass(frozen=True, slots=True)
class Param:
    """A parameter of the template: the fact that fills it, its maximum length, its value without the fact."""

    name: str
    fact: str
    longest: int
    without: str | None = None


@dataclass(frozen=True, slots=True)
class Button:
    """The button that the registered template must have; `link` is appended to the payment page's address."""

    title: str
    link: str


@dataclass(frozen=True, slots=True)
class Form:
    """The content of templates/<kind>/zns.toml."""

    params: tuple[Param, ...]
    button: Button | None = None


@dataclass(frozen=True, slots=True)
class Filled:
    """The data of one send: the approved template's id and its parameters."""

    template_id: str
    data: Mapping[str, str]


class Forms:
    """Fills in the forms of all kinds; `template_ids` are HCC_ZALO_TEMPLATES, by kind.

    `form_of` returns the form in use of a kind, or raises `FormError`.
    """

    def __init__(self, form_of: Callable[[str], Form], template_ids: Mapping[str, str]) -> None:
        self.form = form_of
        self._template_ids = template_ids

    def fill(self, kind: str, facts: Facts) -> Filled:
        """The data for a notice of `kind`. Raises `FormError`."""
        if kind not in self._template_ids:
            raise FormError(f"no approved template is set for {kind} (HCC_ZALO_TEMPLATES)")
        try:
            values = shown(facts)
        except ValueError as error:
            raise FormError(f"{kind}: {error}") from None
        return Filled(self._template_ids[kind], filled(kind, self.form(kind), values))


def filled(kind: str, form: Form, values: Mapping[str, str | None]) -> dict[str, str]:
    """The parameters of a form, from facts as they are shown to a reader. Raises `FormError`."""
    return {param.name: _value(kind, param, values.get(param.fact)) for param in form.params}


def _value(kind: str, param: Param, shown: str | None) -> str:
    value = nfc(shown or param.without or "")
    if not value:
        raise FormError(f"{kind}: nothing to put in for {param.name}")
    if len(value) > param.longest:
        raise FormError(f"{kind}: {param.name} has {len(value)} characters, above {param.longest}")
    return value


def read_form(kind: str, source: str | None) -> Form:
    """The form of a kind from its source (TOML); None: there is no file. Raises `FormError`."""
    if source is None:
        raise FormError(f"{kind}: templates/{kind}/{FORM_FILE}: the file is missing")
    try:
        table = tomllib.loads(source)
        button = Button(**table["button"]) if "button" in table else None
        params = tuple(Param(**param) for param in table["params"])
        for param in params:
            _ = param.longest > 0, param.name + param.fact  # of the right types
        return Form(params, button)
    except (tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise FormError(f"{kind}: templates/{kind}/{FORM_FILE}: {error}") from None
