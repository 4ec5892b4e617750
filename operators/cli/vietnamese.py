"""Click's own words in Vietnamese: headings, and the sentences about wrong usage.

Click looks each text up under the name `_` (gettext) in its modules. gettext wants compiled catalogues, and the
variable LANGUAGE, which would also change the messages of the servers that we start. So this table takes gettext's
place in click. `tests/operators/test_commands.py` fails if click shows a text that the table lacks.
"""

from __future__ import annotations

from collections.abc import Mapping

import click
from click import core, decorators, exceptions, formatting, parser, termui, types

TEXTS: Mapping[str, str] = {
    "Usage:": "Cách dùng:",
    "Options": "Tùy chọn",
    "Positional arguments": "Tham số",
    "Commands": "Lệnh",
    "Show this message and exit.": "In trợ giúp này.",
    "Show the version and exit.": "In phiên bản.",
    "%(prog)s, version %(version)s": "%(prog)s %(version)s",
    "default: {default}": "mặc định: {default}",
    "env var: {var}": "biến: {var}",
    "required": "bắt buộc",
    "Error: {message}": "Lỗi: {message}",
    "Error: invalid input": "Lỗi: câu trả lời không hợp lệ",
    "Aborted!": "Đã dừng.",
    "Try '{command} {option}' for help.": "Xem `{command} {option}`.",
    "Missing command.": "Thiếu lệnh.",
    "Missing argument": "Thiếu tham số",
    "Missing option": "Thiếu tùy chọn",
    "Missing parameter": "Thiếu tham số",
    "Missing parameter: {param_name}": "Thiếu tham số: {param_name}",
    "Choose from:\n\t{choices}": "Chọn một trong:\n\t{choices}",
    "Invalid value: {message}": "Giá trị sai: {message}",
    "Invalid value for {param_hint}: {message}": "Giá trị sai của {param_hint}: {message}",
    "No such option {name!r}.": "Không có tùy chọn {name!r}.",
    "No such command {name!r}.": "Không có lệnh {name!r}.",
    "Did you mean {possibility}?": "Có phải {possibility}?",
    "(Did you mean one of: {possibilities}?)": "(Có phải một trong: {possibilities}?)",
    "Did you mean one of: {possibilities}?": "Có phải một trong: {possibilities}?",
    "Got unexpected extra argument ({args})": "Thừa tham số ({args})",
    "Got unexpected extra arguments ({args})": "Thừa tham số ({args})",
    "Option {name!r} requires an argument.": "Tùy chọn {name!r} cần một giá trị.",
    "Option {name!r} requires {nargs} arguments.": "Tùy chọn {name!r} cần {nargs} giá trị.",
    "Option {name!r} does not take a value.": "Tùy chọn {name!r} không nhận giá trị.",
    "Argument {name!r} takes {nargs} values.": "Tham số {name!r} nhận {nargs} giá trị.",
    "{value!r} is not {choice}.": "{value!r} không phải {choice}.",
    "{value!r} is not one of {choices}.": "{value!r} không phải một trong: {choices}.",
    "{value!r} is not a valid {number_type}.": "{value!r} không phải số.",
    "{value} is not in the range {range}.": "{value} nằm ngoài khoảng {range}.",
    "{value!r} does not match the format {format}.": "{value!r} không theo dạng {format}.",
    "{value!r} does not match the formats {formats}.": "{value!r} không theo dạng nào trong: {formats}.",
    "Could not open file {filename!r}: {message}": "Không mở được tệp {filename!r}: {message}",
    "unknown error": "lỗi không rõ",
}


def _translated(words: str) -> str:
    return TEXTS.get(words, words)


def _counted(one: str, many: str, number: int) -> str:
    return _translated(one if number == 1 else many)


def speak_vietnamese() -> None:
    """Put the table in the place of gettext in click's modules."""
    for module in (core, decorators, exceptions, formatting, parser, termui, types):
        for name, spoken in (("_", _translated), ("ngettext", _counted)):
            if hasattr(module, name):
                setattr(module, name, spoken)


def in_vietnamese(command: click.Command) -> click.Command:
    """The same command, and all below it, with a usage line in Vietnamese: click keeps these words in each command."""
    command.options_metavar = "[TÙY_CHỌN]"
    if isinstance(command, click.Group):
        command.subcommand_metavar = "LỆNH …"
        for below in command.commands.values():
            in_vietnamese(below)
    return command
