"""Checks of the way to Zalo and back: token, templates, channels, costs, events."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from config.causes import because
from config.settings import Settings, preset
from domain.clock import to_the_second
from ledger.reports import spending
from ledger.reports.spending import Spent
from ledger.zalo import inbox, unread
from operators.checks.fault import CheckFault
from operators.phrasebook import phrase
from producers.dossiers.mapping import load_mapping
from worker.channels import CHANNELS
from worker.channels.budget import today
from worker.channels.conditions import has_template
from worker.channels.zalo.account import Accepted, Turned, Unasked, Unclear, try_token
from worker.channels.zalo.register import Register
from worker.channels.zalo.tokens import NoAccess
from worker.delivery.feedback import breaker_key, concerns, of_person
from worker.services.bootstrap import Services

_EVENTS_WAITING = 1000  # more than this never wait while workers run
_HOLDS_SHOWN = 10


def check_token(made: Services) -> Iterator[str]:
    """Not merely that we have an access token: Zalo must accept it."""
    access = made.tokens.access(made.oa)
    if isinstance(access, NoAccess):
        raise CheckFault(f"{phrase(access.why).vi}; chạy `hcc oa import`")
    match try_token(made.client, made.settings.zalo_openapi_url, access.token):
        case Accepted(oa) if oa not in (None, made.oa):
            raise CheckFault("token là của OA khác; chạy `hcc oa import` với token của OA này, hoặc sửa HCC_ZALO_OA_ID")
        case Accepted():
            yield f"Zalo nhận cặp token thứ {access.version}"
        case Turned(why):
            raise CheckFault(f"Zalo không nhận token ({phrase(why).inner.vi}); chạy `hcc oa import`")
        case Unasked(why):
            raise CheckFault(
                f"không hỏi được Zalo (HCC_ZALO_OPENAPI_URL): {because(why)}; xem mạng, HCC_PROXY, HCC_CA_FILE"
            )
        case Unclear(why):
            unclear = f"Zalo trả lời nhưng chưa rõ có nhận không ({phrase(why).inner.vi})"
            yield f"cặp token thứ {access.version} còn hạn; {unclear}"


def check_forms(made: Services) -> Iterator[str]:
    """Every enabled kind must be sendable by its configured channels, and Zalo must have approved the templates."""
    lacking = sorted(unsendable(made.settings))
    if lacking:
        raise CheckFault("; ".join(lacking))
    access = made.tokens.access(made.oa)
    if not made.settings.zalo_templates or isinstance(access, NoAccess):
        yield "mọi loại đang bật gửi được bằng các kênh đã đặt"
        return
    register = Register(made.client, made.settings.zalo_business_url)
    found = {kind: register.find(access, template) for kind, template in made.settings.zalo_templates.items()}
    unusable = [
        f"{kind}: mẫu {made.settings.zalo_templates[kind]} {one if isinstance(one, str) else one.status}"
        for kind, one in found.items()
        if isinstance(one, str) or one.status != "ENABLE"
    ]
    if unusable:
        raise CheckFault(f"{'; '.join(unusable)}; xem `hcc templates check`")
    yield f"{len(found)} mẫu ZNS Zalo đã duyệt"


def unsendable(known: Settings) -> Iterator[str]:
    """A sentence for each kind with a configured template channel but no template: it cannot be sent there.

    It is no fault that the preset channels have no templates at all: nobody configured them, and they are not used.
    """
    told = load_mapping(known.source).kinds.anywhere()
    asked = known.zalo_templates or known.kind_channels or known.channels != preset("channels")
    for kind in sorted(told - known.zalo_templates.keys()) if asked else ():
        needing = [name for name in known.channels_of(kind) if has_template in CHANNELS[name].conditions]
        if needing:
            yield (
                f"{kind}: kênh {', '.join(needing)} cần mẫu đã duyệt mà HCC_ZALO_TEMPLATES không có; "
                f"thêm {kind}=<mã mẫu>, hoặc bỏ kênh ấy khỏi HCC_CHANNELS"
            )


def check_channels(made: Services) -> Iterator[str]:
    """If a channel is down or under a hold, its notices wait; the fault gives the reason and the time.

    A hold on one person is no fault of a channel: that person has had as many messages as Zalo allows.
    """
    for channel in made.channels.values():
        state = made.breaker.state(breaker_key(made.oa, channel))
        if state.until is not None:
            raise CheckFault(
                f"kênh {channel.name} đang ngắt ({state.failures} lỗi liên tiếp); tự thử lại, xem mạng và Zalo"
            )
    holds = [hold for hold in made.holds.all() if concerns(made, hold.key) and not of_person(hold.key)]
    if holds:
        shown = [
            f"{hold.key} tạm giữ {hold.seconds:.0f} giây: {phrase(hold.reason).inner.vi}"
            for hold in holds[:_HOLDS_SHOWN]
        ]
        rest = f"; và {len(holds) - _HOLDS_SHOWN} mục khác" if len(holds) > _HOLDS_SHOWN else ""
        raise CheckFault("; ".join(shown) + rest)
    yield f"{', '.join(made.channels)}: thông suốt"


def check_costs(made: Services) -> Iterator[str]:
    """Today's costs so far, and whether a budget is nearly used up."""
    day, budget = today(datetime.now(UTC)), made.budget
    with made.ledger.connect() as connection:
        spent = spending.spent(connection, made.oa, day)
    for name in sorted({*spent, *budget.messages, *budget.dong}):
        so_far = spent.get(name, Spent())
        cost = f"{so_far.dong:,}".replace(",", ".")
        words = f"{name} hôm nay {so_far.messages} tin, {cost} đ"
        used = budget.used(name, so_far)
        if used >= budget.alarm_percent:
            raise CheckFault(f"{words}: đã dùng {used} % trần ngày; nâng HCC_BUDGET_… hoặc chờ sang ngày mai")
        yield f"{words}, {used} % trần ngày" if budget.limits(name) else words
    if not spent:
        yield "hôm nay chưa tốn gì"


def check_events(made: Services) -> Iterator[str]:
    """Zalo's events: whether their signatures can be checked, whether any wait, and which kinds are unknown."""
    if not made.settings.zalo_oa_secret:
        yield "HCC_ZALO_OA_SECRET chưa đặt: mọi sự kiện của Zalo bị từ chối; chép khóa ở trang webhook của ứng dụng"
    with made.ledger.connect() as connection:
        found = inbox.state(connection, made.oa)
        kept, aside = unread.count(connection, made.oa)
    if kept:
        raise CheckFault(
            f"{kept} sự kiện chưa đọc được, {aside} đã gác lại (`hcc events list`): thêm khóa mới nhất vào "
            "HCC_SECRET_KEYS, nâng cấp worker cũ, rồi khởi động lại; hoặc `hcc events retry`, `hcc events discard`"
        )
    if found.waiting > _EVENTS_WAITING:
        raise CheckFault(f"{found.waiting} sự kiện chưa xử lý; worker và beat có đang chạy không?")
    if found.newest is None:
        yield "chưa nhận sự kiện nào; địa chỉ webhook: https://<tên miền>/hooks/zalo"
    else:
        yield f"mới nhất lúc {to_the_second(found.newest)}, {found.waiting} chưa xử lý"
    if found.unknown or found.odd:
        yield f"loại chưa biết: {', '.join(found.unknown) or 'không'}; không đọc được: {found.odd}"
