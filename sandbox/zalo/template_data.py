"""Checks the data of a template send against the registered template, with the codes of either host."""

from dataclasses import dataclass
from typing import Any

from sandbox.zalo.codes import Refusal
from sandbox.zalo.templates import Template


@dataclass(frozen=True, slots=True)
class DataCodes:
    """A host's code for each fault of the data."""

    empty: int
    not_text: int
    missing: int
    too_long: int
    unknown: int


OA_DATA = DataCodes(empty=-201, not_text=-201, missing=-201, too_long=-210, unknown=-201)
ZNS_DATA = DataCodes(empty=-111, not_text=-112, missing=-1122, too_long=-1121, unknown=-1124)


def check_data(template: Template, data: Any, codes: DataCodes) -> None:
    """Keys must be registered parameters, values strings of at most the registered length. Raises `Refusal`."""
    if not isinstance(data, dict) or not data:
        raise Refusal(codes.empty, _name(codes, "template_data"))
    params = {param.name: param for param in template.params}
    for param in template.params:
        if param.require and data.get(param.name) in (None, ""):
            raise Refusal(codes.missing, _name(codes, param.name))
    for name, value in data.items():
        if name not in params:
            raise Refusal(codes.unknown, _name(codes, name))
        if not isinstance(value, str):
            raise Refusal(codes.not_text, _name(codes, name))
        if len(value) > params[name].max_length:
            raise Refusal(codes.too_long)


def _name(codes: DataCodes, field: str) -> str:
    """The message of a fault: the OA host names the field, the other host has a code for each fault instead."""
    return f"{field} is invalid!" if codes is OA_DATA else ""
