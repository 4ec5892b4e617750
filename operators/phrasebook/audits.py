"""What the audit stores in English, said to people: what a deed was done on, and why a phone was linked or not."""

from __future__ import annotations

import re
from collections.abc import Sequence

from operators.phrasebook.book import phrase
from operators.phrasebook.words import Word, word_of, words

_PROOF = "; proof: "

_SUBJECTS: Sequence[tuple[str, str]] = (
    (r"^act (\d+): (\d+) notices$", r"việc số \1: \2 thông báo"),
    (r"^act (\d+)$", r"việc số \1"),
    (r"^a phone that no dossier has$", "số điện thoại không có trong hồ sơ nào"),
    (r"^dropped nothing; put away (\d+); given up (\d+)$", r"không xóa tháng nào; cất \1; bỏ \2"),
    (r"^dropped (.+); put away (\d+); given up (\d+)$", r"xóa \1; cất \2; bỏ \3"),
    (r"^as baseline: ", "là CSDL mới: "),
    (r"^as same: ", "vẫn dữ liệu ấy: "),
    (r"^since ", "từ "),
    (r", (\d+) receivers$", r", \1 hộp thư"),
    (r"^export (\d+)$", r"báo cáo số \1"),
    (r"^alarm$", "báo động thử"),
    (r"^unit (\S+)$", r"đơn vị \1"),
    (r"^oa$", "cả OA"),
    (r"^all$", "tất cả"),
    (r"\bfollower (\d+)\b", r"người quan tâm số \1"),
    (r"\bperson (\d+)\b", r"người dân số \1"),
)
"""Pattern of a stored subject, or of a part of it → Vietnamese. All that fit are used, in this order."""

_NAMES: Sequence[tuple[str, str, str]] = (
    (r"^kind (?P<name>\w+)$", "kinds", r"loại tin {word} (\g<name>)"),
    (r"^channel (?P<name>\w+)$", "channels", r"kênh {word} (\g<name>)"),
    (r"^(?P<name>\w+) (?P<version>\d+)$", "kinds", r"{word} (\g<name>), bản \g<version>"),
    (r"^(?P<name>\w+)(?=: follower )", "kinds", r"{word} (\g<name>)"),
    (r"(?<=^person )(?P<number>\d+): (?P<name>\w+)$", "judgements", r"\g<number>: {word}"),
)
"""Pattern of a subject with a name of a table of words, the table, Vietnamese; a name that is typed stands beside."""


def subject_said(subject: str) -> Word:
    """What a deed was done on. What the tables do not have, such as an account's name, stays as it is stored."""
    said = subject
    for pattern, table, vi in _NAMES:
        match = re.search(pattern, said)
        if match and match["name"] in words(table):
            said = re.sub(pattern, vi.format(word=word_of(table, match["name"]).vi), said)
    for pattern, vi in _SUBJECTS:
        said = re.sub(pattern, vi, said)
    return Word(said, subject)


def why_said(why: str) -> Word:
    """Why it was done: a stored reason in words, an operator's own as it was typed."""
    reason, joint, proof = why.rpartition(_PROOF)
    if not joint:
        return phrase(why).sentence
    found, by = phrase(reason), word_of("proofs", proof)
    return Word(f"{found.vi}; xác nhận số: {by.vi}", f"{found.en}; proof: {by.en}")
