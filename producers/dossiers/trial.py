"""Runs a sample of the source's rows through readers and rules, and reports what would be told; records nothing.

A mapping may fit every column and still tell nobody: a word for "online" that the source writes in another way, a phone
column without phones, everything marked as ignored. So the trial counts events by kind, and silent rows by reason. It
contains no personal data: a reason names columns, words of the mapping's columns, and numbers of rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from domain.event import Event, Oddity, Retraction
from domain.kinds import Finding, findings
from domain.phone import read_phone
from producers.dossiers.faults import RowError
from producers.dossiers.feeds import Feed, feeds_of
from producers.dossiers.mapping import Mapping as SourceMapping
from producers.dossiers.rows import RowReader, Silence

Row = Mapping[str, Any]

_STRANGE_WORDS = 5


@dataclass(slots=True)
class Trial:
    """The result for the rows of one feed: `told` rows would tell somebody something, the others are silent.

    `kinds` counts events, of which a row may have several; `silent` counts rows by reason. `barred` counts the rows
    that are silent because of the mapping or the data, not in the normal course. `odd` counts, out of `read` rows,
    those with a column that cannot be read, told or not.
    """

    name: str
    rows: int = 0
    told: int = 0
    barred: int = 0
    read: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    silent: Counter[str] = field(default_factory=Counter)
    odd: Counter[str] = field(default_factory=Counter)

    def shown(self) -> dict[str, Any]:
        """The trial as JSON, with the most frequent entries first."""
        return {
            "name": self.name,
            "rows": self.rows,
            "told": self.told,
            "kinds": dict(self.kinds.most_common()),
            "silent": dict(self.silent.most_common()),
            "odd": dict(self.odd.most_common()),
        }


def tried(mapping: SourceMapping, samples: Mapping[str, Sequence[Row]], showable: Callable[[Any], str]) -> list[Trial]:
    """Run each feed's sample; `showable` turns a word of the source into the text that may be shown of it."""
    door, now = RowReader(mapping), datetime.now(UTC)
    return [_try(door, feed, samples[feed.name], now, showable) for feed in feeds_of(mapping) if feed.name in samples]


def verdict(trials: Sequence[Trial]) -> list[str]:
    """The faults: nothing would be told at all, all rows of a feed are barred, or a column is odd in most rows.

    An empty source has no faults.
    """
    rows, told = sum(one.rows for one in trials), sum(one.told for one in trials)
    if rows and not told:
        return [f"trong {rows} dòng không có dòng nào được báo, vì: {_reasons(trials)}"]
    barred = [
        f"feeds.{one.name}: trong {one.rows} dòng không có dòng nào được báo, vì: {_reasons([one])}"
        for one in trials
        if one.rows and one.barred == one.rows
    ]
    odd = [
        f"feeds.{one.name}: {why} ({number} trên {one.read} dòng)"
        for one in trials
        if one.barred < one.rows
        for why, number in one.odd.most_common()
        if 2 * number > one.read
    ]
    return barred + odd


def _reasons(trials: Sequence[Trial]) -> str:
    silent = sum((one.silent for one in trials), Counter[str]())
    return "; ".join(f"{why} ({number} dòng)" for why, number in silent.most_common())


def _try(door: RowReader, feed: Feed, rows: Sequence[Row], now: datetime, showable: Callable[[Any], str]) -> Trial:
    trial = Trial(feed.name, rows=len(rows))
    words = _channel_words(door, rows, showable)
    keys: dict[str, str] = {}
    for row in rows:
        if silence := door.silence(row):
            trial.silent[_SILENT[silence].format(words)] += 1
            trial.barred += silence is not Silence.NO_DOSSIER
            continue
        try:
            change = feed.read(row, now)
            found = list(findings(change)) if change else []
        except RowError as error:
            trial.silent[_unread(error.column, error.why)] += 1
            trial.barred += 1
            continue
        except Exception as error:  # noqa: BLE001 (a row may fail in any way, and only the kind of failure may be shown)
            trial.silent[f"dòng không đọc được ({type(error).__name__})"] += 1
            trial.barred += 1
            continue
        trial.read += 1
        trial.odd.update({_unread(one.field, one.why) for one in found if isinstance(one, Oddity)})
        reason, barred = _silent(found)
        if reason is None:
            trial.told += 1
            keys |= {one.key: one.kind for one in found if isinstance(one, Event) and _is_told(one)}
        else:
            trial.silent[reason] += 1
            trial.barred += barred
    trial.kinds.update(keys.values())
    return trial


def _channel_words(door: RowReader, rows: Sequence[Row], showable: Callable[[Any], str]) -> str:
    strange = [row["channel"] for row in rows if door.silence(row) is Silence.CHANNEL]
    words = dict.fromkeys(showable(word) if word is not None else "(trống)" for word in strange)
    return ", ".join([*words][:_STRANGE_WORDS]) + (", …" if len(words) > _STRANGE_WORDS else "")


_SILENT = {
    Silence.NO_DOSSIER: "không có hồ sơ đi kèm (cột code trống)",
    Silence.IGNORED: "cột ignored nói là bỏ qua",
    Silence.CHANNEL: "kênh không thuộc [dossiers] channels_told: {}",
}


def _silent(found: Sequence[Finding]) -> tuple[str | None, bool]:
    """Why a row that was read tells nobody (None: it does), and whether the mapping or the data is at fault."""
    events = [one for one in found if isinstance(one, Event)]
    if any(map(_is_told, events)):
        return None, False
    if any(event.told and event.held is None for event in events):
        return "không có số điện thoại dùng được (cột phone)", True
    if odd := next((one for one in found if isinstance(one, Oddity)), None):
        return _ODD.get(odd.why) or _unread(odd.field, odd.why), True
    if events:
        return "loại thông báo bị tắt trong [kinds]", False
    if any(isinstance(one, Retraction) for one in found):
        return "việc đã xong nên không báo nữa (phí đã trả hoặc hủy, hồ sơ đã trả lại)", False
    return "trạng thái này không có gì để báo", False


_ODD = {
    "a payment is requested but its amount is missing or not above zero": "yêu cầu thu phí thiếu số tiền (cột amount)",
}


def _is_told(event: Event) -> bool:
    return event.told and event.held is None and read_phone(event.phone).e164 is not None


def _unread(column: str, why: str) -> str:
    """The Vietnamese text of a fault; `why` may end with the unknown word: ": «…»"."""
    plain, colon, said = why.partition(": ")
    return f"cột {column} không đọc được: {_WHY.get(plain, plain)}{colon}{said}"


_WHY = {
    "is empty": "trống",
    "is not a whole number": "không phải số nguyên",
    "is not a believable time": "không phải thời điểm đọc được",
    "holds a word that the mapping does not know": "có từ mà bản đồ chưa biết",
}
