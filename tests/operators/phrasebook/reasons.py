"""Finds every text of the code that may be stored as a reason: literals, f-strings, and what stands quoted in SQL."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping

from config.settings import INSTALLED

ROOMS = ("config", "domain", "ledger", "coordination", "producers", "worker")
PLACE = "\x00"  # stands for a value of an f-string

_LOGS = frozenset({"debug", "info", "warning", "error", "critical", "exception"})
_MAKERS = frozenset({"Wait", "TryLater", "Unreachable", "Refused", "Uncertain", "No", "NotSent", "Unknown", "NoAccess"})
_PROSE = re.compile(r"[a-z’']{2,}[,:]? ([a-z0-9{(\x00]|$)", re.IGNORECASE)
_COLUMNS = re.compile(r"\w+(, \w+){3,}")  # of a table
_SQL = re.compile(r"\n|\b(SELECT|UPDATE|INSERT|DELETE|CASE|WHERE|CAST|jsonb_each)\b")
_QUOTED = re.compile(r"'((?:[^'\n]|'')+)'")


def all_texts() -> Iterator[tuple[str, int, str]]:
    """The texts of the rooms that may store reasons: file, line, text; `PLACE` stands for each value of an f-string."""
    trees = {
        path.relative_to(INSTALLED).as_posix(): ast.parse(path.read_text("utf-8"))
        for room in ROOMS
        for path in sorted((INSTALLED / room).rglob("*.py"))
        if "migrations" not in path.parts
    }
    own = {name: dict(_constants(tree)) for name, tree in trees.items()}
    every = {constant: value for constants in own.values() for constant, value in constants.items()}
    for name, tree in trees.items():
        yield from ((name, line, text) for line, text in texts(tree, every | own[name]))


def texts(tree: ast.Module, constants: Mapping[str, str]) -> Iterator[tuple[int, str]]:
    """The texts of a file, each with its line."""
    hidden = {id(node) for node in _hidden(tree)}
    for node in ast.walk(tree):
        if id(node) not in hidden and (text := _text(node, constants)) is not None:
            quoted = [one.replace("''", "'") for one in _QUOTED.findall(text)] if _SQL.search(text) else [text]
            yield from ((node.lineno, one) for one in quoted)  # type: ignore[attr-defined]


def passed() -> Iterator[tuple[str, str]]:
    """The file and the text of every literal that is passed on as a reason, also of a single word."""
    for room in ROOMS:
        for path in sorted((INSTALLED / room).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Call):
                    name = path.relative_to(INSTALLED).as_posix()
                    yield from ((name, str(one.value)) for one in _reasons_of(node) if _is_text(one.value))


def _reasons_of(call: ast.Call) -> Iterator[ast.Constant]:
    named = [keyword.value for keyword in call.keywords if keyword.arg in ("reason", "why")]
    first = call.args[:1] if isinstance(call.func, ast.Name) and call.func.id in _MAKERS else []
    yield from (one for one in [*named, *first] if isinstance(one, ast.Constant))


def _is_text(value: object) -> bool:
    return isinstance(value, str) and not _SQL.search(value)


def _constants(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """The module's constants that are texts: `NAME = "…"`, also of several at once."""
    for node in tree.body:
        if not isinstance(node, ast.Assign) or len(node.targets) != 1:
            continue
        target, value = node.targets[0], node.value
        names = target.elts if isinstance(target, ast.Tuple) else [target]
        values = value.elts if isinstance(value, ast.Tuple) else [value]
        for name, one in zip(names, values, strict=False):
            if isinstance(name, ast.Name) and isinstance(one, ast.Constant) and isinstance(one.value, str):
                yield name.id, one.value


def is_prose(text: str) -> bool:
    """Whether it reads like an English sentence or a part of one."""
    plain = text.replace("đồng", "dong")
    return plain.isascii() and bool(_PROSE.search(plain)) and not _COLUMNS.fullmatch(plain)


def _text(node: ast.AST, constants: Mapping[str, str]) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(_part(part, constants) for part in node.values)
    return None


def _part(part: ast.expr, constants: Mapping[str, str]) -> str:
    """A part of an f-string: its text, the value of a constant of the module, or a place."""
    if isinstance(part, ast.Constant):
        return str(part.value)
    named = part.value if isinstance(part, ast.FormattedValue) else None
    return constants.get(named.id, PLACE) if isinstance(named, ast.Name) else PLACE


def _hidden(tree: ast.Module) -> Iterator[ast.AST]:
    """What is never stored: docstrings, lines for the log, and the parts of f-strings, which count as a whole."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield node.value
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _LOGS:
            yield from ast.walk(node)
        elif isinstance(node, ast.JoinedStr):
            yield from (part for part in node.values if isinstance(part, ast.Constant))
            formats = (part.format_spec for part in node.values if isinstance(part, ast.FormattedValue))
            yield from (inner for one in formats if one is not None for inner in ast.walk(one))
