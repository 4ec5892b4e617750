"""A notice and the terms of a moment, as the tests of the channels begin with them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Any

from domain.clock import VIETNAM
from domain.notice import Letter, Notice
from domain.text import unaccented
from worker.channels.row import Terms

OA = "4024926008133882615"
NOON = datetime(2026, 3, 10, 12, tzinfo=VIETNAM)
TEXT = "Hệ thống giải quyết TTHC tỉnh Hà Tĩnh thông báo hồ sơ: H27.37-240219-1001 đã giải quyết xong."

NOTICE = Notice(
    id=7,
    oa=OA,
    lease="epoch.lease",
    code="H27.37-240219-1001",
    kind="result_ready",
    key="H27.37-240219-1001/result_ready/1",
    attempts=0,
    fresh_at=NOON,
    amount=None,
    appointment_at=None,
    no_person_because=None,
    person_id=1,
    user_id=None,
)

TERMS = Terms(
    now=NOON,
    order=lambda _: ["zalo_cs", "zalo_template", "zns", "sms"],
    quiet=(time(0), time(0)),
    pays_after_free=True,
    prices={"zalo_cs": 55, "zalo_template": 140, "zns": 200, "sms": 350},
    left={},
    held={},
    form_fault=lambda _: None,
    sms_text=unaccented,
    sms_segments=2,
)


def letter(text: str | None = TEXT, *, hours_ago: float | None = None, **known: Any) -> Letter:
    """A letter to a person of whom only `known` is known; `hours_ago` is their last interaction."""
    if hours_ago is not None:
        known["interacted_at"] = NOON - timedelta(hours=hours_ago)
    return Letter(replace(NOTICE, **known), text)


def terms(**changes: Any) -> Terms:
    """The usual terms of a day, with changes."""
    return replace(TERMS, **changes)
