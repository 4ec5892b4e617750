"""Compiles a template and renders it with variables; knows neither facts nor folders.

A template contains wording only: no function, no other file, no counter. So its text depends on its source and the
facts alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from unicodedata import is_normalized

from jinja2 import StrictUndefined, TemplateError, UndefinedError
from jinja2.meta import find_referenced_templates, find_undeclared_variables
from jinja2.sandbox import ImmutableSandboxedEnvironment

from domain.foreign_links import has_foreign_link
from domain.text import nfc

MESSAGE_FILE = "message.txt.j2"

_FOREIGN = "the text holds a link or a host name that is not our payment link (in the code, the place or the template)"


class LetterError(Exception):
    """A text could not be rendered. Names the kind, the file and the fault; never contains a fact's value."""


def letter_error(kind: str, what: str, file: str = MESSAGE_FILE) -> LetterError:
    """The error of a kind's template, with the file that an operator has to mend."""
    return LetterError(f"{kind}: templates/{kind}/{file}: {what}")


def _not_none(value: object) -> object:
    """Reject None: Jinja would print 'None' where a template does not check that there is an appointment (R21)."""
    if value is None:
        raise UndefinedError
    return value


def environment() -> ImmutableSandboxedEnvironment:
    """The rules for every template."""
    made = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined,
        autoescape=False,  # the text is shown as plain text, not as HTML: escaping would corrupt it
        keep_trailing_newline=False,
        finalize=_not_none,
    )
    made.globals.clear()  # templates use wording and facts only: no lorem ipsum, no counters
    return made


_ENVIRONMENT = environment()


class Wording:
    """A compiled template. `needs` are the variables that it references, `composed` says whether it is in NFC."""

    def __init__(self, kind: str, source: str) -> None:
        """Compile the source. Raises `LetterError`."""
        try:
            tree = _ENVIRONMENT.parse(source)
            self._template = _ENVIRONMENT.from_string(tree)
        except TemplateError as error:
            raise letter_error(kind, f"the template cannot be read: {error}") from None
        except (SyntaxError, RecursionError) as error:  # nested too deeply for Python
            raise letter_error(kind, f"the template cannot be read: {type(error).__name__}") from None
        if any(find_referenced_templates(tree)):
            # The version records a message's wording; it would not cover a second file.
            raise letter_error(kind, "a template must not include another one")
        self._template.globals = {}  # there are none; Jinja would copy a chain of empty mappings for each text
        self._kind = kind
        self.needs = frozenset(find_undeclared_variables(tree))
        self.composed = is_normalized("NFC", source)

    def text(self, variables: Mapping[str, Any], own_link: str | None) -> str:
        """Render the text, in NFC and without a trailing newline (R25); `own_link` is the only link that it may hold.

        Raises `LetterError`.
        """
        try:
            rendered = self._template.render(variables)
        except UndefinedError:
            lacking = sorted(self.needs - {name for name, value in variables.items() if value is not None})
            raise letter_error(
                self._kind, f"nothing to put in for: {', '.join(lacking) or 'part of a variable'}"
            ) from None
        except Exception as error:  # noqa: BLE001 (a template is its author's program: it may fail in any way)
            # Report only the type: the message of such an error may quote a fact.
            raise letter_error(self._kind, f"the template cannot be rendered ({type(error).__name__})") from None
        told = nfc(rendered).rstrip("\n")
        if has_foreign_link(told, own_link):
            raise letter_error(self._kind, _FOREIGN)
        return told
