"""Holds one call during the checks, and reads its parameters."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote_plus

from sandbox.zalo.codes import Refusal, invalid
from sandbox.zalo.people import Person
from sandbox.zalo.templates import Template
from sandbox.zalo.tokens import Grant
from sandbox.zalo.world import World


@dataclass(slots=True)
class Call:
    """A received call, and what the checks found out about it."""

    world: World
    path: str
    query: str
    headers: Mapping[str, str]
    raw: bytes
    fields: dict[str, Any] = field(default_factory=dict)
    grant: Grant = field(default_factory=lambda: Grant("", ""))
    person: Person = field(default_factory=lambda: Person(""))
    template: Template = field(default_factory=lambda: Template("", "", ()))

    def concerns(self, subject: str) -> bool:
        """Whether a user id or a phone occurs in the call as a JSON string."""
        quoted = f'"{subject}"'
        return quoted.encode() in self.raw or quoted in unquote_plus(self.query)

    def parameters(self) -> dict[str, str]:
        """Ordinary query parameters."""
        return {name: values[0] for name, values in parse_qs(self.query, keep_blank_values=True).items()}


def read_json(call: Call) -> None:
    """Read the body of a POST to the OA host."""
    call.fields = _object(call.raw, "body")


def read_data(call: Call) -> None:
    """Read GET parameters of the OA host: Zalo documents ONE parameter `data` that holds JSON."""
    parameters = call.parameters()
    if set(parameters) - {"data"}:
        raise invalid(min(set(parameters) - {"data"}))
    call.fields = _object(parameters.get("data", "").encode(), "data")


def text_of(fields: Mapping[str, Any], name: str) -> str:
    """A required string; ids are decimal strings, and a number is refused."""
    value = fields.get(name)
    if not isinstance(value, str) or not value:
        raise invalid(name)
    return value


def count_of(fields: Mapping[str, Any], name: str, default: int, most: int) -> int:
    """A number from 0 to `most`; a greater one is refused with -210."""
    value = fields.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise invalid(name)
    if value > most:
        raise Refusal(-210)
    return value


def _object(raw: bytes, name: str) -> dict[str, Any]:
    try:
        fields = json.loads(raw)
    except ValueError:
        raise invalid(name) from None
    if not isinstance(fields, dict):
        raise invalid(name)
    return fields
