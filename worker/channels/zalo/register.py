"""Fetches approved templates from Zalo's register and compares them with the data that templates/<kind>/zns.toml sends.

Source: Zalo, "Lấy thông tin chi tiết template" (GET /template/info/v2 on business.openapi.zalo.me, ordinary query
parameters). Faults are in Vietnamese for the people who register templates.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from config.causes import because
from domain.forms import Form
from worker.channels.zalo.codes import Host, look_up
from worker.channels.zalo.tokens import Access
from worker.wire.ask import ask
from worker.wire.envelope import OK, json_object
from worker.wire.protocol import Call, Client, NotSent, Reply, Unknown

_OPEN_WEBSITE = 1  # the type of a button that opens a page
_STATUSES = {
    "PENDING_REVIEW": "đang chờ Zalo duyệt",
    "REJECT": "bị Zalo từ chối",
    "DISABLE": "bị Zalo tắt",
    "DELETE": "đã xóa",
}
_SERVICE_TAGS = frozenset({"1", "TRANSACTION", "IN_TRANSACTION"})
"""A status notice is a transaction; the long words are from before 2024-04, but still seen in replies."""


@dataclass(frozen=True, slots=True)
class RegisteredParam:
    """A parameter as registered; `longest` (characters) is None if Zalo does not return it."""

    name: str
    required: bool
    longest: int | None


@dataclass(frozen=True, slots=True)
class Registered:
    """A template as in Zalo's register."""

    status: str
    tag: str
    params: tuple[RegisteredParam, ...] = ()
    links: tuple[str, ...] = ()  # the pages that its buttons open
    prices: Mapping[str, str] = field(default_factory=dict)


class Register:
    """Fetches the registered templates of an OA."""

    def __init__(self, client: Client, business_url: str) -> None:
        self._client = client
        self._url = f"{business_url}/template/info/v2"

    def find(self, access: Access, template_id: str) -> Registered | str:
        """The template, or a sentence that explains why it is not available."""
        query = urlencode({"template_id": template_id})
        result = ask(self._client, Call(0, "GET", f"{self._url}?{query}", {"access_token": access.token}))
        match result:
            case NotSent(why) | Unknown(why):
                return f"không hỏi được Zalo: {because(why)}"
            case Reply(status, _, body) if status == OK:
                return read_template(body)
            case Reply(status):
                return f"không hỏi được Zalo: HTTP {status}"


def read_template(body: bytes) -> Registered | str:
    """Parse the register's response. Numbers may be numbers or text; empty fields may be missing."""
    try:
        answer = json_object(body) or {}
        code = int(answer["error"])
        if code:
            return f"Zalo trả mã {code}: {look_up(Host.BUSINESS, code, str(answer.get('message', ''))).reason}"
        data = answer["data"]
        return Registered(
            status=str(data.get("status", "")),
            tag=str(data.get("templateTag") or ""),
            params=tuple(_param(row) for row in data.get("listParams") or []),
            links=tuple(
                str(row.get("content", ""))
                for row in data.get("listButtons") or []
                if str(row.get("type")) == str(_OPEN_WEBSITE)
            ),
            prices={name: str(data[name]) for name in ("price_uid", "price_sdt") if data.get(name)},
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return "Zalo trả lời không đúng dạng"


def faults(form: Form, registered: Registered, payment_url: str) -> Iterator[str]:
    """Each fault that would make a send fail, as a sentence; none if the template fits."""
    if registered.status != "ENABLE":
        yield f"chưa dùng được: mẫu {_STATUSES.get(registered.status, f'có trạng thái lạ {registered.status!r}')}"
    if registered.tag and registered.tag not in _SERVICE_TAGS:
        yield f"sai loại: mẫu thuộc {registered.tag}, thông báo hồ sơ phải là TRANSACTION (giao dịch)"
    known = {param.name: param for param in registered.params}
    sent = {param.name: param for param in form.params}
    for name in known.keys() - sent.keys():
        if known[name].required:
            yield f"thừa tham số {name}: mẫu đòi mà chương trình không gửi; sửa mẫu hoặc zns.toml"
    for param in form.params:
        if param.name not in known:
            yield f"thiếu tham số {param.name}: chương trình gửi mà mẫu không có"
        elif (longest := known[param.name].longest) is not None and longest < param.longest:
            yield f"tham số {param.name} ngắn quá: mẫu cho {longest} ký tự, chương trình gửi tới {param.longest}"
    if form.button and not any(link.startswith(payment_url) for link in registered.links):
        yield f"thiếu nút «{form.button.title}» mở {payment_url}{form.button.link}"


def _param(row: Mapping[str, Any]) -> RegisteredParam:
    longest = row.get("maxLength")
    return RegisteredParam(
        name=str(row["name"]),
        required=row.get("require") in (True, "true", 1),
        longest=None if longest in (None, "") else int(longest),
    )
