"""From a kind and its facts to the text that a person reads; the words stand in templates/<kind>/ (R16–R25).

A template holds words only: what a fact looks like (money, time, link) is decided here, once for all kinds.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from unicodedata import is_normalized

from jinja2 import FileSystemLoader, StrictUndefined, Template, TemplateError, TemplateNotFound, UndefinedError
from jinja2.meta import find_referenced_templates, find_undeclared_variables
from jinja2.sandbox import ImmutableSandboxedEnvironment

from worker.domain.alarm import AlarmCause, AlarmFacts, read_alarm
from worker.domain.clock import appointment, deadline, told_at
from worker.domain.dossier import Reason
from worker.domain.kinds import KINDS
from worker.domain.links import has_foreign_link
from worker.domain.money import dong
from worker.domain.story import Digest, Step, Story, Tally, read_digest, read_stories
from worker.domain.text import nfc

LONGEST = 2000  # characters that an OA message holds

STARS = "******"  # stands for a one-time code in every text that is kept

_FILE = "message.txt.j2"
_SAMPLE = "sample.json"


class LetterError(Exception):
    """A text could not be made: which kind, which file, what is wrong; never a fact's value."""


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a text may tell, and so all that it can leak: no name, no ID number, no phone (R23).

    `amount` in đồng; `appointment` and `deadline` with their time zone; `payment_link` complete, see
    `worker.domain.link`; `reason` one of a closed set of words.
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
    one_time_code: str | None = None  # only where a channel fills it in: texts in the ledger have stars
    place: str = "tỉnh Hà Tĩnh"  # whose system speaks; the OA's (HCC_PLACE), no fact of the dossier


REASONS: dict[Reason, str] = {
    Reason.PAPERS_MISSING: "thành phần hồ sơ chưa đầy đủ",
    Reason.DATA_WRONG: "thông tin trong hồ sơ chưa chính xác",
    Reason.NOT_COMPETENT: "không thuộc thẩm quyền giải quyết",
    Reason.NOT_ELIGIBLE: "chưa đủ điều kiện theo quy định",
}
"""How a text tells a class of reason; the office's own words are never in a text (R23)."""

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
    AlarmCause.TEST: "thử báo động",
}
"""How alarms are told to staff."""

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
"""How a time line and a digest name an event of a dossier."""


@dataclass(frozen=True, slots=True)
class _Words:
    """A compiled template: `version` pins its source, `needs` are the variables that it names."""

    template: Template
    version: str
    needs: frozenset[str]
    composed: bool


class Letters:
    """The texts of all kinds under one folder, read once: construct anew to take in changed words."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._loader = FileSystemLoader(folder, encoding="utf-8-sig")  # editors may put a mark before UTF-8
        self._environment = ImmutableSandboxedEnvironment(
            undefined=StrictUndefined,
            autoescape=False,  # the text is shown as it is, not as HTML: escaping would spoil it
            keep_trailing_newline=False,
            finalize=_not_none,
        )
        self._environment.globals.clear()  # words and facts only: no lorem ipsum, no counters
        self._known: dict[str, _Words] = {}

    def text(self, kind: str, facts: Facts) -> str:
        """The text of one notice: NFC, no newline at its end (R25). Raises `LetterError`."""
        words = self._words(kind)
        try:
            variables = _variables(facts) | _tales(facts)
        except ValueError as error:
            raise _fault(kind, str(error)) from None
        try:
            rendered = words.template.render(variables)
        except UndefinedError:
            lacking = sorted(words.needs - {name for name, value in variables.items() if value is not None})
            raise _fault(kind, f"nothing to put in for: {', '.join(lacking) or 'part of a variable'}") from None
        except Exception as error:  # noqa: BLE001 (a template is a program of its author: it may fail in any way)
            # Only the type: the text of such an error may quote a fact.
            raise _fault(kind, f"the template cannot be rendered ({type(error).__name__})") from None
        told = nfc(rendered).rstrip("\n")
        if has_foreign_link(told, facts.payment_link):
            raise _fault(kind, _FOREIGN)
        return told

    def version(self, kind: str) -> str:
        """Twelve hex digits that pin the template's source: a message keeps them to tell which words it had (R24)."""
        return self._words(kind).version

    def shown(self, facts: Facts) -> dict[str, str | None]:
        """The facts as a reader sees them, by the names that templates use. Raises `ValueError`."""
        return _variables(facts)

    def sample(self, kind: str) -> Facts:
        """The made-up facts of `templates/<kind>/sample.json`, for previews and checks. Raises `LetterError`."""
        self._words(kind)  # a kind without a template is no kind, and no way into other folders
        try:
            fields = dict(json.loads((self._folder / kind / _SAMPLE).read_text("utf-8-sig")))
            return Facts(**{name: _read(name, value) for name, value in fields.items()})
        except FileNotFoundError:
            raise _fault(kind, "the file is missing", _SAMPLE) from None
        except (ValueError, TypeError) as error:
            raise _fault(kind, f"not the facts of this text: {error}", _SAMPLE) from None

    def check(self) -> list[str]:
        """All faults of all kinds, one sentence each; empty when every text can be made."""
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
        return [str(_fault(kind, what)) for what, is_so in found.items() if is_so]

    def _words(self, kind: str) -> _Words:
        if kind not in self._known:
            self._known[kind] = self._load(kind)
        return self._known[kind]

    def _load(self, kind: str) -> _Words:
        try:
            source = self._loader.get_source(self._environment, f"{kind}/{_FILE}")[0]
            tree = self._environment.parse(source)
            template = self._environment.from_string(tree)
            template.globals = {}  # there are none; Jinja would copy a chain of empty ones for each text
        except TemplateNotFound:
            raise _fault(kind, "the file is missing") from None
        except (TemplateError, UnicodeDecodeError) as error:
            raise _fault(kind, f"the template cannot be read: {error}") from None
        if any(find_referenced_templates(tree)):
            # The version says which words a message had; it would be silent about a second file.
            raise _fault(kind, "a template must not include another one")
        version = sha256(source.encode()).hexdigest()[:12]
        needs = frozenset(find_undeclared_variables(tree))
        return _Words(template, version, needs, is_normalized("NFC", source))


_FOREIGN = "the text holds a link or a host name that is not our payment link (in the code, the place or the template)"

_READERS: dict[str, Callable[[Any], Any]] = {
    "appointment": datetime.fromisoformat,
    "deadline": datetime.fromisoformat,
    "reason": Reason,
    "stories": read_stories,
    "digest": read_digest,
    "alarm": read_alarm,
}
"""The facts that JSON has no type for, as a sample writes them."""


def _read(name: str, value: Any) -> Any:
    return _READERS[name](value) if name in _READERS else value


def _variables(facts: Facts) -> dict[str, str | None]:
    """The facts as a reader sees them; a fact that may be absent from a good text is None, any other is left out."""
    variables: dict[str, str | None] = {
        "code": facts.code,
        "place": facts.place,
        "appointment": None if facts.appointment is None else appointment(facts.appointment),
        "deadline": None if facts.deadline is None else deadline(facts.deadline),
        "reason": None if facts.reason is None else REASONS[facts.reason],
    }
    if facts.amount is not None:
        variables["amount"] = dong(facts.amount)
    if facts.one_time_code is not None:
        variables["one_time_code"] = facts.one_time_code
    if facts.payment_link is not None:
        variables["url"] = facts.payment_link
    return variables


def _tales(facts: Facts) -> dict[str, Any]:
    """What the chat tells, as a reader sees it."""
    tales: dict[str, Any] = {}
    if facts.stories:
        tales["stories"] = [{"code": one.code, "steps": [_step(step) for step in one.steps]} for one in facts.stories]
    if facts.digest is not None:
        tallies = facts.digest.tallies
        tales["digest"] = {
            "unit": facts.digest.unit,
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


def _step(step: Step) -> dict[str, str | None]:
    amount = None if step.amount is None else dong(step.amount)
    return {"at": told_at(step.at), "told": STEPS.get(step.kind, step.kind), "amount": amount}


def _not_none(value: object) -> object:
    """Jinja would print 'None' where a template forgot to ask whether there is an appointment (R21)."""
    if value is None:
        raise UndefinedError
    return value


def _fault(kind: str, what: str, file: str = _FILE) -> LetterError:
    return LetterError(f"{kind}: templates/{kind}/{file}: {what}")
