"""Render the text of a notice from its kind and facts; the wording is in templates/<kind>/ (R16–R25).

A template contains wording only. The format of a fact (money, time, link) is decided here, once for all kinds.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from typing import Any

from domain.alarm import AlarmCause, AlarmFacts, read_alarm
from domain.clock import appointment, deadline, told_at
from domain.dossier import Reason
from domain.guide import PHONE_FIELD, account_name
from domain.kinds import KINDS, RANK
from domain.money import dong
from domain.story import Digest, Step, Story, Tally, read_digest, read_stories
from domain.template_source import source_of_files
from domain.value_object import value_object
from domain.wording import LetterError, Wording, letter_error

LONGEST = 2000  # characters; the limit of an OA message

STARS = "******"  # replaces a one-time code in every stored text

_SAMPLE = "sample.json"


@value_object
class Facts:
    """All that a text may contain, and so all that it can leak: no name, no ID number, no phone (R23).

    `amount` is in đồng. `appointment` and `deadline` have a time zone. `payment_link` is complete, see
    `domain.link`. `reason` is one of a closed set of words.
    """

    code: str
    amount: int | None = None
    appointment: datetime | None = None
    payment_link: str | None = None
    deadline: datetime | None = None
    reason: Reason | None = None
    stories: tuple[Story, ...] = ()
    digest: Digest | None = None
    alarm: AlarmFacts | None = None
    one_time_code: str | None = None  # only set when a channel fills it in: texts in the ledger have stars
    place: str = "tỉnh Hà Tĩnh"  # the place whose system sends the notice (HCC_PLACE of the OA); not a dossier fact
    by_post: bool = False  # the result goes by post, and the OA's texts say so (HCC_POST_SENTENCE)
    trial: str | None = None  # the sample of a template that is tried


REASONS: dict[Reason, str] = {
    Reason.PAPERS_MISSING: "thành phần hồ sơ chưa đầy đủ",
    Reason.DATA_WRONG: "thông tin trong hồ sơ chưa chính xác",
    Reason.NOT_COMPETENT: "không thuộc thẩm quyền giải quyết",
    Reason.NOT_ELIGIBLE: "chưa đủ điều kiện theo quy định",
}
"""The wording of each class of reason; a text never contains the office's own words (R23)."""

ALARMED: dict[AlarmCause, str] = {
    AlarmCause.DUE: "thông báo đến hạn mà không đi",
    AlarmCause.SOURCE: "thông báo chờ đối chiếu mà không được đối chiếu với CSDL hồ sơ",
    AlarmCause.EVENTS: "sự kiện của Zalo không được xử lý",
    AlarmCause.FEED: "CSDL hồ sơ không đọc được đến cuối",
    AlarmCause.DOUBTS: "có thông báo không rõ đã đến hay chưa",
    AlarmCause.LEDGER: "sổ thông báo không làm việc được",
    AlarmCause.REDIS: "Redis không làm việc được",
    AlarmCause.BROKER: "hàng đợi không làm việc được",
    AlarmCause.TOKEN: "Zalo không cho gửi (token)",
    AlarmCause.GUARD: "có thông báo đang tạm giữ chờ người xem",
    AlarmCause.IDENTITY: "CSDL hồ sơ là một CSDL khác",
    AlarmCause.TEMPLATE: "tệp của một mẫu tin bị lỗi, bản đang dùng vẫn dùng",
    AlarmCause.TEST: "thử báo động",
}
"""The wording of each alarm for staff."""

STEPS: dict[str, str] = {
    "submitted": "hồ sơ đã được gửi",
    "accepted": "đã tiếp nhận",
    "refused": "không được tiếp nhận",
    "fee_requested": "yêu cầu thu phí",
    "fee_paid": "đã nhận phí",
    "fee_corrected": "đính chính phí",
    "supplement_required": "yêu cầu bổ sung giấy tờ",
    "financial_obligation": "yêu cầu thực hiện nghĩa vụ tài chính",
    "stopped": "dừng xử lý",
    "resumed": "tiếp tục xử lý",
    "apology": "xin lỗi và hẹn lại ngày trả kết quả",
    "appointment_changed": "thay đổi ngày hẹn trả kết quả",
    "withdrawn": "đã rút hồ sơ",
    "result_ready": "đã giải quyết xong",
    "returned": "đã trả kết quả",
    "fee_reminder": "nhắc nộp phí",
    "supplement_reminder": "nhắc bổ sung giấy tờ",
    "collect_reminder": "nhắc nhận kết quả",
}
"""The name of each kind of event in a time line or a digest."""


class Letters:
    """The texts of all kinds in one folder, read once: construct a new instance to pick up changed wording."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, Wording] = {}

    def text(self, kind: str, facts: Facts) -> str:
        """Render the text of one notice, in NFC and without a trailing newline (R25). Raises `LetterError`."""
        return rendered(kind, self._words(kind), facts)

    def sample(self, kind: str) -> Facts:
        """The fictitious facts of `templates/<kind>/sample.json`, for previews and checks. Raises `LetterError`."""
        if kind not in RANK:  # and with it any path into other folders
            raise letter_error(kind, "the file is missing")
        try:
            fields = dict(json.loads((self._folder / kind / _SAMPLE).read_text("utf-8-sig")))
            return Facts(**{name: _read(name, value) for name, value in fields.items()})
        except FileNotFoundError:
            raise letter_error(kind, "the file is missing", _SAMPLE) from None
        except (ValueError, TypeError) as error:
            raise letter_error(kind, f"not the facts of this text: {error}", _SAMPLE) from None

    def check(self) -> list[str]:
        """All faults of all kinds, one sentence each; empty if every text can be rendered."""
        return [fault for kind in KINDS for fault in self._faults(kind.name)]

    def _faults(self, kind: str) -> list[str]:
        try:
            composed = self._words(kind).composed
            text = self.text(kind, self.sample(kind))
        except LetterError as error:
            return [str(error)]
        found = {
            "the template is not in NFC": not composed,
            "the text is empty": not text.strip(),
            f"the text of the sample has {len(text)} characters, above {LONGEST}": len(text) > LONGEST,
        }
        return [str(letter_error(kind, what)) for what, is_so in found.items() if is_so]

    def _words(self, kind: str) -> Wording:
        if kind not in RANK:
            raise letter_error(kind, "the file is missing")
        if kind not in self._known:
            self._known[kind] = Wording(kind, source_of_files(self._folder, kind).message)
        return self._known[kind]


def rendered(kind: str, words: Wording, facts: Facts) -> str:
    """Render the text of one notice by these words. Raises `LetterError`."""
    try:
        variables = variables_of(facts)
    except ValueError as error:
        raise letter_error(kind, str(error)) from None
    return words.text(variables, facts.payment_link)


def variables_of(facts: Facts) -> dict[str, Any]:
    """Everything that a template may use of these facts, by name. Raises `ValueError`."""
    return shown(facts) | _tales(facts) | {"by_post": facts.by_post}


_READERS: dict[str, Callable[[Any], Any]] = {
    "appointment": datetime.fromisoformat,
    "deadline": datetime.fromisoformat,
    "reason": Reason,
    "stories": read_stories,
    "digest": read_digest,
    "alarm": read_alarm,
}
"""Readers for the facts that have no JSON type, as a sample writes them."""


def _read(name: str, value: Any) -> Any:
    return _READERS[name](value) if name in _READERS else value


def shown(facts: Facts) -> dict[str, str | None]:
    """The facts formatted for a reader, by the names that templates use. Raises `ValueError`.

    An absent fact is None if a valid text may lack it, and left out otherwise.
    """
    variables: dict[str, str | None] = {
        "code": facts.code,
        "place": facts.place,
        "account": account_name(facts.place),
        "phone_field": PHONE_FIELD,
        "appointment": None if facts.appointment is None else appointment(facts.appointment),
        "deadline": None if facts.deadline is None else deadline(facts.deadline),
        "reason": None if facts.reason is None else REASONS[facts.reason],
    }
    if facts.amount is not None:
        variables["amount"] = dong(facts.amount)
    if facts.one_time_code is not None:
        variables["one_time_code"] = facts.one_time_code
    if facts.trial is not None:
        variables["trial"] = facts.trial
    if facts.payment_link is not None:
        variables["url"] = facts.payment_link
    return variables


def _tales(facts: Facts) -> dict[str, Any]:
    """The variables of chat texts (stories, digest, alarm), formatted for a reader."""
    tales: dict[str, Any] = {}
    if facts.stories:
        tales["stories"] = [{"code": one.code, "steps": [_step(step) for step in one.steps]} for one in facts.stories]
    if facts.digest is not None:
        tallies = facts.digest.tallies
        tales["digest"] = {
            "unit": facts.digest.unit,
            "name": facts.digest.name or "",
            "share": _share(tallies),
            "since": f"{facts.digest.since:%d/%m/%Y}",
            "until": f"{facts.digest.until:%d/%m/%Y}",
            "kinds": [
                {"told": STEPS.get(one.kind, one.kind), "events": _number(one.events), "sent": _number(one.sent)}
                for one in tallies
            ],
            "total": {name: _number(sum(getattr(one, name) for one in tallies)) for name in _COUNTED},
        }
    if facts.alarm is not None:
        ended = facts.alarm.ended_at
        tales["alarm"] = {
            "told": ALARMED[facts.alarm.cause],
            "began": told_at(facts.alarm.began_at),
            "ended": told_at(ended) if ended else None,
        }
    return tales


_COUNTED = tuple(field.name for field in fields(Tally) if field.name != "kind")


def _number(number: int) -> str:
    return f"{number:,}".replace(",", ".")


def _share(tallies: Sequence[Tally]) -> str:
    """The share of those who could be told that was told, as `hcc report reach` has it; empty where nobody could be."""
    sent = sum(one.sent for one in tallies)
    tellable = sent + sum(one.not_follower + one.bad_phone for one in tallies)
    return f"{100 * sent / tellable:.1f} %".replace(".", ",") if tellable else ""


def _step(step: Step) -> dict[str, str | None]:
    amount = None if step.amount is None else dong(step.amount)
    return {"at": told_at(step.at), "told": STEPS.get(step.kind, step.kind), "amount": amount}
