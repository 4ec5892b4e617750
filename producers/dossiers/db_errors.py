"""Translates the errors with which databases refuse a query into our own sentences."""

from __future__ import annotations

import re

from sqlalchemy.exc import DBAPIError

# The error texts of each database: PostgreSQL, SQLite, MySQL, SQL Server, Oracle. Only the captured name of a column
# or table is shown, since the rest may quote a value of a row.
_NAME = r"[\"'`]?([\w.$]+)[\"'`]?"
_NO_COLUMN = (
    rf"column {_NAME} does not exist",
    rf"no such column: {_NAME}",
    rf"Unknown column {_NAME} in",
    rf"Invalid column name {_NAME}",
    r"ORA-00904: ([\w.\"]+): invalid",
)
_NO_TABLE = (
    rf"relation {_NAME} does not exist",
    rf"no such table: {_NAME}",
    rf"Table {_NAME} doesn't exist",
    rf"Invalid object name {_NAME}",
    r"ORA-00942: .*?([\w.\"]+) does not exist",
)
_NO_RIGHT = (
    rf"permission denied for \w+ {_NAME}",
    rf"SELECT command denied to user .* for table {_NAME}",
    rf"SELECT permission was denied on the object {_NAME}",
)
_TOO_SLOW = (
    r"statement timeout()",
    r"max_statement_time()",
    r"maximum statement execution time()",
    r"[Qq]uery timeout()",
    r"timed out()",
    r"ORA-01013()",
    r"DPY-4024()",
)
_SENTENCES: tuple[tuple[tuple[str, ...], str], ...] = (
    (_NO_COLUMN, "CSDL hồ sơ không có cột {}; sửa tên cột trong bản đồ"),
    (_NO_TABLE, "CSDL hồ sơ không có bảng {}; sửa tên bảng trong bản đồ"),
    (_NO_RIGHT, "tài khoản không có quyền đọc {}; cấp quyền SELECT"),
    (_TOO_SLOW, "câu SQL chạy quá lâu{}; kiểm tra chỉ mục của các cột trong WHERE và ORDER BY"),
)


def because(error: DBAPIError) -> str:
    """Why a database refused a query, and the remedy, in one sentence without row data."""
    said = str(error.orig)
    for sayings, sentence in _SENTENCES:
        for saying in sayings:
            if match := re.search(saying, said):
                return sentence.format(match[1])
    return f"CSDL hồ sơ từ chối câu SQL ({type(error.orig).__name__}); chạy thử câu này trong công cụ của CSDL"
