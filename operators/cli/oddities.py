"""Oddities as operators read them: our own sentences in Vietnamese, and the lines of one dossier."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from operators.cli.output import say
from worker.domain.clock import to_the_second

_SENTENCES = {
    "holds a word that the mapping does not know": "có từ mà bản đồ chưa biết",
    "is empty": "trống",
    "is not a believable time": "không phải thời điểm tin được",
    "is not a whole number": "không phải số nguyên",
    "is not an amount": "không phải số tiền",
    "is an amount with more than one reading": "số tiền đọc được nhiều cách",
    "is not a whole number of đồng": "số tiền lẻ dưới một đồng",
    "is not between 0 and 10^15 đồng": "số tiền ngoài khoảng tin được",
    "is too long for an amount": "quá dài để là số tiền",
    "a payment is requested but its amount is missing or not above zero": "yêu cầu thu mà không có số tiền",
}


def why_vi(why: str) -> str:
    """Our sentence in Vietnamese, with the word that it shows; any other as it is."""
    sentence, colon, shown = why.partition(": ")
    return _SENTENCES.get(sentence, sentence) + colon + shown


def tell_oddities(rows: Iterable[Mapping[str, Any]]) -> None:
    """What cannot be read of one dossier, a line each."""
    for row in rows:
        where = f"{row['column']} ({row['row']})" if row["row"] else row["column"]
        say(
            f"  ! cột {where}: {why_vi(row['why'])}; từ {to_the_second(row['since'])}, {row['times']} lần, "
            f"lần cuối {to_the_second(row['last_seen'])}",
            fg="yellow",
        )
