"""Finds what is wrong with a proposed template before anybody gets it: each fault with the line that has to be mended.

A template is rendered with the sample of its kind in all variants that the shipped one can tell (no appointment, no
deadline, …), so that a template that works only for the sample is found here. Only text, values, `if` and `for` are
allowed: a template that could compute could also fill a worker's memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import TracebackType
from typing import Any
from unicodedata import is_normalized

from jinja2 import Template, TemplateSyntaxError, UndefinedError, nodes
from jinja2.meta import find_undeclared_variables

from domain.foreign_links import has_foreign_link
from domain.kinds import CARDS
from domain.letters import LONGEST, Facts, variables_of
from domain.segments import segments
from domain.template_source import LONGEST_SOURCE, TemplateSource
from domain.text import nfc, unaccented
from domain.wording import MESSAGE_FILE, LetterError, Wording, environment

TITLE_MOST = 100
SUBTITLE_MOST = 500
"""Characters of a card's two parts. Source: Zalo, "Gửi tin yêu cầu thông tin người dùng"."""

_CODE_MOST = 50  # characters of a dossier's code
_MUST_TELL = ("code", "amount", "url", "one_time_code")
"""Facts that a text may not leave out if the shipped one tells them: without them a notice is of no use."""

_TALES = ("stories", "digest", "alarm", "trial")
_ALLOWED = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Getattr, nodes.If, nodes.For, nodes.Const,
    nodes.Compare, nodes.Operand, nodes.Not, nodes.And, nodes.Or,
)  # fmt: skip


class FaultWord(StrEnum):
    """What is wrong; the sentences are in `operators/wording/faults.py`."""

    SYNTAX = "syntax"
    NESTED = "nested"
    CONSTRUCT = "construct"
    UNKNOWN = "unknown"
    NOT_ALWAYS = "not_always"
    LACKS = "lacks"
    TOO_LONG = "too_long"
    SEGMENTS = "segments"
    TITLE = "title"
    SUBTITLE = "subtitle"
    EMPTY = "empty"
    NOT_COMPOSED = "not_composed"
    CHARACTER = "character"
    LINK = "link"
    FAILS = "fails"
    FORM_MISSING = "form_missing"
    FORM_SYNTAX = "form_syntax"
    FORM_UNKNOWN = "form_unknown"
    FORM_LACKS = "form_lacks"
    FORM_SHORT = "form_short"
    FORM_NO_VALUE = "form_no_value"
    FORM_BUTTON = "form_button"


@dataclass(frozen=True, slots=True)
class TemplateFault:
    """A fault of a proposed template: the file and line, and what the sentence about it has to name."""

    word: FaultWord
    line: int
    detail: str = ""
    number: int = 0
    file: str = MESSAGE_FILE

    def __str__(self) -> str:
        return f"{self.file} line {self.line}: {self.word}{f' ({self.detail})' if self.detail else ''}"


@dataclass(frozen=True, slots=True)
class TextLimits:
    """The limits of the channels for a text: characters, and SMS segments (None: no SMS is sent)."""

    characters: int = LONGEST
    segments: int | None = None
    accents: bool = False


def message_faults(
    kind: str, source: TemplateSource, shipped: TemplateSource, sample: Facts, limits: TextLimits
) -> list[TemplateFault]:
    """All faults of a message that can be found at once; empty if it can be sent."""
    found = list(_odd_characters(source.message))
    if len(source.message) > LONGEST_SOURCE:
        line = source.message.count("\n", 0, LONGEST_SOURCE) + 1
        return [*found, TemplateFault(FaultWord.TOO_LONG, line, number=LONGEST_SOURCE)]
    try:
        tree = environment().parse(source.message)
    except TemplateSyntaxError as error:
        return [*found, TemplateFault(FaultWord.SYNTAX, error.lineno, error.message or "")]
    except RecursionError:
        return [*found, TemplateFault(FaultWord.NESTED, 1)]
    found += _constructs(tree)
    if not any(fault.word is FaultWord.CONSTRUCT for fault in found):
        found += _unknown(tree, variables_of(sample))
        found += _nesting(kind, source.message)
    if not found:
        found += _faults_of_texts(kind, source, shipped, sample, limits)
    return found


def variants(kind: str, shipped: TemplateSource, sample: Facts) -> list[Facts]:
    """The sample, and the sample without each fact that the shipped template can do without."""
    words = Wording(kind, shipped.message)
    others = [replace(sample, appointment=None), replace(sample, deadline=None), replace(sample, reason=None)]
    others.append(replace(sample, code=sample.code.ljust(_CODE_MOST, "0")))
    if sample.digest is not None:
        others.append(replace(sample, digest=replace(sample.digest, tallies=())))
    if sample.alarm is not None:
        others.append(replace(sample, alarm=replace(sample.alarm, ended_at=sample.alarm.began_at)))
    return [sample, *(one for one in others if one != sample and _tells(words, one))]


def _tells(words: Wording, facts: Facts) -> bool:
    try:
        words.text(variables_of(facts), facts.payment_link)
    except LetterError:
        return False
    return True


def _odd_characters(source: str) -> Iterator[TemplateFault]:
    for number, line in enumerate(source.split("\n"), 1):
        if not is_normalized("NFC", line):
            yield TemplateFault(FaultWord.NOT_COMPOSED, number)
        odd = next((char for char in line if not char.isprintable()), None)
        if odd is not None:
            yield TemplateFault(FaultWord.CHARACTER, number, f"U+{ord(odd):04X}")


def _constructs(tree: nodes.Template) -> Iterator[TemplateFault]:
    for node in tree.find_all(nodes.Node):
        if not isinstance(node, (*_ALLOWED, nodes.Helper)):
            yield TemplateFault(FaultWord.CONSTRUCT, node.lineno, type(node).__name__.lower())


def _nesting(kind: str, source: str) -> Iterator[TemplateFault]:
    """Python compiles blocks only down to a depth."""
    try:
        Wording(kind, source)
    except LetterError:
        yield TemplateFault(FaultWord.NESTED, 1)


def _unknown(tree: nodes.Template, known: Mapping[str, Any]) -> Iterator[TemplateFault]:
    unknown = find_undeclared_variables(tree) - set(known)
    for name in tree.find_all(nodes.Name):
        if name.name in unknown:
            yield TemplateFault(FaultWord.UNKNOWN, name.lineno, name.name)


def _faults_of_texts(
    kind: str, source: TemplateSource, shipped: TemplateSource, sample: Facts, limits: TextLimits
) -> Iterator[TemplateFault]:
    needed = Wording(kind, shipped.message).needs
    template, needs = environment().from_string(source.message), Wording(kind, source.message).needs
    for name in _TALES:
        if name in needed - needs:
            yield TemplateFault(FaultWord.LACKS, _line_of(shipped, name), name)
    seen = set[TemplateFault]()
    for facts in variants(kind, shipped, sample):
        for fault in _faults_of_text(kind, source.message, facts, limits):
            if fault not in seen:
                seen.add(fault)
                yield fault
        for name in _MUST_TELL:
            fault = TemplateFault(FaultWord.LACKS, _line_of(shipped, name), name)
            if name in needed and fault not in seen and not _is_told(template, facts, name):
                seen.add(fault)
                yield fault


def _is_told(template: Template, facts: Facts, name: str) -> bool:
    variables = variables_of(facts)
    try:
        return str(variables.get(name, "")) in nfc(template.render(variables))
    except Exception:  # noqa: BLE001 (why it cannot be rendered is another fault's business)
        return True


def _line_of(shipped: TemplateSource, name: str) -> int:
    """The line of the shipped template that tells a fact: there it may be looked up."""
    tree = environment().parse(shipped.message)
    return next((one.lineno for one in tree.find_all(nodes.Name) if one.name == name), 1)


def _faults_of_text(kind: str, source: str, facts: Facts, limits: TextLimits) -> Iterator[TemplateFault]:
    template, variables = environment().from_string(source), variables_of(facts)
    try:
        text = nfc(template.render(variables)).rstrip("\n")
    except Exception as error:  # noqa: BLE001 (a template is its author's program: it may fail in any way)
        yield _failure(source, variables, error)
        return
    last = _line_at(template, variables, len(text))
    if not text.strip():
        yield TemplateFault(FaultWord.EMPTY, 1)
    if len(text) > limits.characters:
        line = _line_at(template, variables, limits.characters + 1)
        yield TemplateFault(FaultWord.TOO_LONG, line, number=limits.characters)
    if limits.segments is not None:
        number = segments(text if limits.accents else unaccented(text))
        if number > limits.segments:
            yield TemplateFault(FaultWord.SEGMENTS, last, f"{number}", limits.segments)
    if kind in CARDS:
        yield from _faults_of_card(template, variables, text)
    yield from _links(template, variables, text, facts.payment_link)


def _faults_of_card(template: Template, variables: Mapping[str, Any], text: str) -> Iterator[TemplateFault]:
    title, _, subtitle = text.partition("\n")
    if len(title) > TITLE_MOST:
        yield TemplateFault(FaultWord.TITLE, _line_at(template, variables, TITLE_MOST + 1), number=TITLE_MOST)
    if len(subtitle) > SUBTITLE_MOST:
        line = _line_at(template, variables, len(title) + 2 + SUBTITLE_MOST)
        yield TemplateFault(FaultWord.SUBTITLE, line, number=SUBTITLE_MOST)
    if not subtitle.strip():
        yield TemplateFault(FaultWord.SUBTITLE, _line_at(template, variables, len(text)), number=SUBTITLE_MOST)


def _links(template: Template, variables: Mapping[str, Any], text: str, own: str | None) -> Iterator[TemplateFault]:
    end = 0
    for line in text.split("\n"):
        end += len(line) + 1
        if has_foreign_link(line, own):
            yield TemplateFault(FaultWord.LINK, _line_at(template, variables, end - 1))


def _failure(source: str, variables: Mapping[str, Any], error: Exception) -> TemplateFault:
    """The fault of a template that cannot be rendered: nearly always a fact that this kind, or this dossier, lacks."""
    line = _line_of_error(error.__traceback__)
    if not isinstance(error, UndefinedError):
        return TemplateFault(FaultWord.FAILS, line, type(error).__name__)
    names = [one.name for one in environment().parse(source).find_all(nodes.Name) if one.lineno == line]
    lacking = [name for name in names if variables.get(name) is None]
    return TemplateFault(FaultWord.NOT_ALWAYS, line, ", ".join(dict.fromkeys(lacking or names)))


def _line_of_error(trace: TracebackType | None) -> int:
    """The line of the template in which it failed: Jinja puts it into the traceback."""
    found = 1
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "<template>":
            found = trace.tb_lineno
        trace = trace.tb_next
    return found


def _line_at(template: Template, variables: Mapping[str, Any], place: int) -> int:
    """The line of the template that writes the character at this place of the text, from 1 on."""
    pieces: Any = template.root_render_func(template.new_context(dict(variables)))
    line, before = 1, 0
    for piece in pieces:
        line = template.get_corresponding_lineno(pieces.gi_frame.f_lineno)
        if before + len(piece) >= place:
            return line + str(piece).count("\n", 0, place - before - 1)
        before += len(piece)
    return line
