"""Checks the encoding of the ledger's database: Vietnamese text must be read back as it was written."""

from __future__ import annotations

from sqlalchemy import Connection

_WANTED = "UTF8"


class EncodingError(Exception):
    """The ledger's database is not UTF-8; the text says what to do."""


def encoding_fault(connection: Connection) -> str | None:
    """Why the ledger cannot store our texts, in the operator's language; None where it can."""
    named = str(connection.exec_driver_sql("SHOW server_encoding").scalar_one())
    if named == _WANTED:
        return None
    return (
        f"CSDL của sổ (HCC_DATABASE_URL) có mã {named}, không phải UTF-8: chữ Việt có thể hỏng; tạo CSDL mới bằng "
        "`CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0`, rồi chuyển dữ liệu sang bằng pg_dump"
    )
