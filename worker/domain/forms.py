"""From a kind and its facts to the data of an approved template; what each takes stands in templates/<kind>/zns.toml.

Zalo's approved templates (ZBS Template Message, formerly ZNS) hold the words themselves; we fill in their parameters.
Values are strings, measured in code points after NFC: decomposed text is longer and would be refused (-1121). A link
may not stand in the words, so the fee's is behind a button, which is a part of the registered template.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from worker.domain.letters import Facts, Letters
from worker.domain.text import nfc

_FILE = "zns.toml"


class FormError(Exception):
    """A template cannot be filled in: which kind, which parameter, what is wrong; never a fact's value."""


@dataclass(frozen=True, slots=True)
class Param:
    """A parameter of the template: the fact that fills it, its longest value, what stands there without the fact."""

    name: str
    fact: str
    longest: int
    without: str | None = None


@dataclass(frozen=True, slots=True)
class Button:
    """The button that the registered template must have; `link` is put after the payment page's address."""

    title: str
    link: str


@dataclass(frozen=True, slots=True)
class Form:
    """What templates/<kind>/zns.toml says."""

    params: tuple[Param, ...]
    button: Button | None = None


@dataclass(frozen=True, slots=True)
class Filled:
    """What a send needs: the approved template's id and its data."""

    template_id: str
    data: Mapping[str, str]


class Forms:
    """The forms of all kinds under one folder, each read once; `template_ids` are HCC_ZALO_TEMPLATES, by kind."""

    def __init__(self, folder: Path, letters: Letters, template_ids: Mapping[str, str]) -> None:
        self._folder = folder
        self._letters = letters
        self._template_ids = template_ids
        self._known: dict[str, Form] = {}

    def fill(self, kind: str, facts: Facts) -> Filled:
        """The data for a notice of `kind`. Raises `FormError`."""
        if kind not in self._template_ids:
            raise FormError(f"no approved template is set for {kind} (HCC_ZALO_TEMPLATES)")
        try:
            shown = self._letters.shown(facts)
        except ValueError as error:
            raise FormError(f"{kind}: {error}") from None
        data = {param.name: _value(kind, param, shown.get(param.fact)) for param in self.form(kind).params}
        return Filled(self._template_ids[kind], data)

    def form(self, kind: str) -> Form:
        """What the kind's template takes. Raises `FormError`."""
        if kind not in self._known:
            self._known[kind] = _read(kind, self._folder / kind / _FILE)
        return self._known[kind]


def _value(kind: str, param: Param, shown: str | None) -> str:
    value = nfc(shown or param.without or "")
    if not value:
        raise FormError(f"{kind}: nothing to put in for {param.name}")
    if len(value) > param.longest:
        raise FormError(f"{kind}: {param.name} has {len(value)} characters, above {param.longest}")
    return value


def _read(kind: str, path: Path) -> Form:
    try:
        table = tomllib.loads(path.read_text("utf-8-sig"))
        button = Button(**table["button"]) if "button" in table else None
        return Form(tuple(Param(**param) for param in table["params"]), button)
    except FileNotFoundError:
        raise FormError(f"{kind}: templates/{kind}/{_FILE}: the file is missing") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise FormError(f"{kind}: templates/{kind}/{_FILE}: {error}") from None
