"""Finds what is wrong with the parameters of an approved template (`zns.toml`) before they are used."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence

from domain.forms import Form, FormError, Param, read_form
from domain.letters import Facts, shown
from domain.proofreading import FaultWord, TemplateFault, variants
from domain.template_source import FORM_FILE, TemplateSource
from domain.text import nfc

_MUST_TELL = frozenset({"code", "amount", "one_time_code"})
"""Facts that a form may not leave out if the shipped one has them."""

_AT_LINE = re.compile(r"at line (\d+)")
_PARAM = re.compile(r"^\s*\[\[\s*params\s*\]\]")
_BUTTON = re.compile(r"^\s*\[\s*button\s*\]")
_IN_LINK = re.compile(r"<(\w+)>")


def form_faults(kind: str, source: TemplateSource, shipped: TemplateSource, sample: Facts) -> list[TemplateFault]:
    """All faults of the form that can be found at once; empty if it can be filled in, or where the kind has none."""
    if shipped.form is None and source.form is None:
        return []
    if source.form is None:
        return [_fault(FaultWord.FORM_MISSING, 1)]
    try:
        form = read_form(kind, source.form)
    except FormError as error:
        return [_fault(FaultWord.FORM_SYNTAX, _line_of_error(source.form), str(error).rpartition(": ")[2])]
    found = list(_faults_of_params(form, source.form, variants(kind, shipped, sample)))
    told = {param.fact for param in form.params}
    needed = {param.fact for param in read_form(kind, shipped.form).params} if shipped.form else set()
    lines = source.form.count("\n") + 1
    found += [_fault(FaultWord.FORM_LACKS, lines, fact) for fact in sorted((needed & _MUST_TELL) - told)]
    return [*found, *_faults_of_button(form, source.form)]


def _fault(word: FaultWord, line: int, detail: str = "", number: int = 0) -> TemplateFault:
    return TemplateFault(word, line, detail, number, FORM_FILE)


def _line_of_error(source: str) -> int:
    """The line of a fault in the TOML, or of the first parameter that is not complete."""
    try:
        table = tomllib.loads(source)
    except tomllib.TOMLDecodeError as error:
        found = _AT_LINE.search(str(error))
        return int(found[1]) if found else source.count("\n") + 1
    params = table.get("params")
    for number, param in enumerate(params if isinstance(params, list) else []):
        try:
            complete = Param(**param).longest > 0
        except TypeError:
            complete = False
        if not complete:
            return _line(source, _PARAM, number)
    return _line(source, _BUTTON, 0)


def _line(source: str, mark: re.Pattern[str], number: int) -> int:
    """The line of the nth heading."""
    lines = [place for place, line in enumerate(source.split("\n"), 1) if mark.match(line)]
    return lines[number] if number < len(lines) else 1


def _faults_of_params(form: Form, source: str, samples: Sequence[Facts]) -> Iterator[TemplateFault]:
    for number, param in enumerate(form.params):
        line = _line(source, _PARAM, number)
        values = [shown(facts) for facts in samples]
        if param.fact not in values[0]:
            yield _fault(FaultWord.FORM_UNKNOWN, line, param.fact)
            continue
        texts = [nfc(value.get(param.fact) or param.without or "") for value in values]
        if not all(texts):
            yield _fault(FaultWord.FORM_NO_VALUE, line, param.name)
        if len(texts[0]) > param.longest:
            yield _fault(FaultWord.FORM_SHORT, line, param.name, len(texts[0]))


def _faults_of_button(form: Form, source: str) -> Iterator[TemplateFault]:
    names = {param.name for param in form.params}
    for name in _IN_LINK.findall(form.button.link if form.button else ""):
        if name not in names:
            yield _fault(FaultWord.FORM_BUTTON, _line(source, _BUTTON, 0), name)
