"""Reads the wish to stop or to resume notices, in the many words that people use for it. Pure.

Reading is strict, since the wish changes something: "dừng nhận tin" is a wish, "hồ sơ bị dừng à" is a question, "không
muốn dừng" is the opposite. A word that is in none of these lists makes the whole message something else.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from domain.text import unaccented
from producers.hooks.wish import Wish


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_POLITE = _words("xin vui long hay toi minh em muon cho yeu cau de nghi")
_SPEAKER = _words("anh chi con chau bac ong ba ad admin oi da lam on")  # before phrases other than "dừng"
_SUBJECT = _words("nhan tin thong bao gui")
_TAIL = _SUBJECT | _words("lai di a nhe nha ngay nua cac moi cho toi minh em")
_LONG_TAIL = _TAIL | _words("them viec tu den ve cua dich vu oa zalo nay nhe luon giup gium voi anh chi con chau sms")
_ASKING = frozenset({"à", "hả", "hở", "sao", "chưa", "chăng"})

_STOP = frozenset({"dừng", "dưng", "ngừng", "ngưng", "ngung", "stop"})
_BARE_STOP = "dung"  # also how "đúng", "dùng" and "đừng" are typed in haste: counts alone, or with an object
_DONT = "đừng"  # "don't": counts with an object

# "Hủy đăng ký", "từ chối nhận", "unsubscribe": the object is implied.
_ENDED = re.compile(
    r"(?:(?:huy|huy bo|bo) (?:dang k[yi]|theo doi|quan tam)|tu choi nhan|unsubscribe|unsub|opt ?out|dung lam phien)\b"
)
# "Tắt thông báo", "hủy nhận tin": the object must be named.
_ENDING = re.compile(r"(?:huy|huy bo|bo|tat|ngat|chan|khoa|tu choi|cham dut|thoi)\b")
_NOT = r"(?:thoi )?(?:khong|ko|kg|k|hong|chang)(?: con)?"
_UNWANTED = re.compile(rf"{_NOT} (?:muon|can|thich|dong y|cho phep|co nhu cau)\b")
_NO_MORE = re.compile(rf"{_NOT}\b(?=.* (?:nua|them)\b)")


def switch(tokens: Sequence[str], *, asks: bool) -> Wish | None:
    """The wish in the words of a message (casefolded); None if they mean something else. `asks`: it contains "?"."""
    if asks or _ASKING.intersection(tokens):
        return None
    rest = _without_all(tokens)
    while rest and unaccented(rest[0]) in _POLITE:
        rest.pop(0)
    if _stops(rest, polite=len(rest) < len(tokens)) or _ends(rest):
        return Wish.OFF
    again = unaccented(" ".join(rest))
    found = re.match(r"tiep ?tuc\b", again)
    if found and set(again[found.end() :].split()) <= _TAIL:
        return Wish.ON
    return None


def _without_all(tokens: Sequence[str]) -> list[str]:
    """The tokens without "tất cả", which changes nothing; typed in haste it begins like "tắt"."""
    left: list[str] = []
    for token in tokens:
        if token in ("cả", "ca") and left and left[-1] in ("tất", "tat"):
            left.pop()
        else:
            left.append(token)
    return left


def _stops(rest: Sequence[str], *, polite: bool) -> bool:
    tail = {unaccented(token) for token in rest[1:]}
    if not rest or not tail <= _TAIL:
        return False
    if rest[0] in _STOP or (rest[0] == _BARE_STOP and not polite and not tail):
        return True
    return rest[0] in (_BARE_STOP, _DONT) and bool(tail & _SUBJECT)


def _ends(rest: Sequence[str]) -> bool:
    words = [unaccented(token) for token in rest]
    while words and words[0] in _POLITE | _SPEAKER:
        words.pop(0)
    said = " ".join(words)
    if ended := _ENDED.match(said):
        return set(said[ended.end() :].split()) <= _LONG_TAIL
    for phrase in (_ENDING, _UNWANTED, _NO_MORE):
        if found := phrase.match(said):
            tail = set(said[found.end() :].split())
            if tail <= _LONG_TAIL and tail & _SUBJECT:
                return True
    return False
