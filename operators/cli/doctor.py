"""`hcc doctor`: everything that can be wrong, each with what to do about it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import partial

import click

from config.oas import load_oas
from config.settings import Settings, SettingsError
from operators.cli.connections import check_broker, check_connections
from operators.clocks import FAR, clocks_ahead, zalo_ahead
from operators.world import world
from producers.dossiers.mapping import load_mapping
from producers.dossiers.queries import FEEDS
from producers.dossiers.source import Source
from worker.aftermath import breaker_key
from worker.bootstrap import Services
from worker.channels.budget import today
from worker.channels.zalo.tokens import NoAccess
from worker.clocks import TOLERANCE
from worker.deployment import Deployment
from worker.domain.clock import to_vietnam
from worker.domain.letters import Letters
from worker.ledger import cursors, inbox, past, reports, spending, unread
from worker.ledger.migrate import missing
from worker.ledger.spending import Spent
from worker.queue.connection import door, open_redis
from worker.shared import TEMPLATES

_EVENTS_WAITING = 1000  # more than this do not wait where workers run
_HOLDS_SHOWN = 10
_LATE = 300.0  # seconds without a feed's end: then nobody polls, or the source is too slow
_KEEPS_ALL = "noeviction"


class Fault(Exception):  # noqa: N818 (a finding, not an error of the program)
    """A check failed; the text is a sentence with what to do."""


@click.command(short_help="Kiểm tra cấu hình, kết nối, đồng hồ, token, mẫu tin.")
def doctor() -> None:
    """Kiểm tra mọi thứ cần có để gửi được thông báo; mỗi lỗi kèm cách sửa. Mã thoát 1 nếu có lỗi."""
    with ExitStack() as stack:
        stack.enter_context(world())
        try:
            made = Deployment(load_oas())
        except SettingsError as error:
            for fault in error.faults:
                _bad("cấu hình", fault)
            sys.exit(1)
        stack.callback(made.close)
        healthy = list(_examine(made))
    if not all(healthy):
        sys.exit(1)
    click.echo("Mọi thứ sẵn sàng.")


def _examine(made: Deployment) -> Iterator[bool]:
    """Every check; where there are several OAs, what they share first and once, then each OA under its name."""
    if not made.several:
        yield from (_run(name, check, next(iter(made))) for name, check in CHECKS.items())
        return
    yield from (_run(name, CHECKS[name], next(iter(made))) for name in CHECKS if name in SHARED)
    for one in made:
        click.echo(f"{made.names[one.oa]} (OA {one.oa})")
        yield from (_run(name, check, one) for name, check in CHECKS.items() if name not in SHARED)
        yield _run("riêng biệt", partial(check_apart, made), one)


def _run(name: str, check: Callable[[Services], Iterator[str]], made: Services) -> bool:
    try:
        for found in check(made):
            click.echo(f"  {click.style('✓', fg='green')} {name}: {found}")
    except Fault as fault:
        _bad(name, str(fault))
        return False
    except Exception as error:  # noqa: BLE001 (a check that breaks is a finding, and the others still run)
        _bad(name, str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__)
        return False
    return True


def _bad(name: str, what: str) -> None:
    click.echo(f"  {click.style('✗', fg='red')} {name}: {what}")


def check_settings(made: Services) -> Iterator[str]:
    """Settings are read by the time we come here; what is odd but allowed is said."""
    yield f"{len(Settings.model_fields)} mục, nguồn {made.settings.source}, kênh {', '.join(made.settings.channels)}"
    if "zns" in made.settings.all_channels and not made.settings.zalo_templates:
        yield "kênh zns cần mẫu đã duyệt: đặt HCC_ZALO_TEMPLATES, rồi chạy `hcc templates check`"


def check_ledger(made: Services) -> Iterator[str]:
    lacking = missing(made.ledger)
    if lacking:
        raise Fault(f"thiếu {len(lacking)} bước nâng cấp; chạy `hcc migrate`")
    yield "kết nối được, đúng bản"


def check_months(made: Services) -> Iterator[str]:
    """Rows without a month are safe, but only by month can they be dropped when their time is over."""
    with made.ledger.connect() as connection:
        lacking, stray = past.ready(connection)
    if lacking or stray:
        missing = f"chưa có phần {', '.join(lacking)}" if lacking else f"{', '.join(stray)} có dòng nằm ngoài các tháng"
        raise Fault(f"{missing}; worker và beat có đang chạy không? hoặc chạy `hcc purge`")
    yield f"các tháng tới đã sẵn sàng, giữ {made.settings.keep_months} tháng"


def check_clocks(made: Services) -> Iterator[str]:
    """Every clock against the ledger's, by which all goes; what differs most says whose clock is to be set."""
    ahead = {_CLOCKS.get(name, name): off for name, off in clocks_ahead(made).items()}
    zalo = zalo_ahead(made, ahead[_CLOCKS["host"]])
    ahead |= {} if isinstance(zalo, str) else {"Zalo": zalo}
    if far := {name: off for name, off in ahead.items() if abs(off) > FAR}:
        held = max(abs(off) for off in far.values()) > TOLERANCE
        raise Fault(
            f"lệch đồng hồ sổ thông báo: {_told(far)}; bật đồng bộ giờ (NTP) trên các máy đó, "
            "nếu mọi đồng hồ lệch như nhau thì trên máy chủ PostgreSQL"
            + ("; chưa khớp thì chưa thông báo nào hết hạn, chưa tháng nào bị xóa" if held else "")
        )
    yield f"so với sổ thông báo: {_told(ahead)}"
    if isinstance(zalo, str):
        yield f"không hỏi được giờ của Zalo: {zalo}"


_CLOCKS = {"host": "máy này", "redis": "Redis"}


def _told(ahead: Mapping[str, timedelta]) -> str:
    seconds = {name: off.total_seconds() for name, off in ahead.items()}
    return ", ".join(f"{name} {'nhanh' if off > 0 else 'chậm'} {abs(off):.1f} giây" for name, off in seconds.items())


def check_redis(made: Services) -> Iterator[str]:
    """It answers, and never throws away by itself what is in use."""
    redis = open_redis(made.settings.redis_url)
    with door("trả lời"):
        redis.ping()
        policy = redis.info("memory").get("maxmemory_policy", _KEEPS_ALL)
    if policy != _KEEPS_ALL:
        raise Fault(
            f"maxmemory-policy là {policy}: khi hết bộ nhớ, Redis tự xóa giới hạn gửi và dấu thư đang đi; "
            f"đặt maxmemory-policy {_KEEPS_ALL} trong cấu hình Redis"
        )
    yield f"kết nối được, {_KEEPS_ALL}"


def check_doubts(made: Services) -> Iterator[str]:
    """After an hour nothing but a person settles a doubt; the later notices of its dossier wait for it."""
    with made.ledger.connect() as connection:
        lasting = reports.lasting_doubts(connection, made.oa)
    if lasting:
        raise Fault(
            f"{lasting} thông báo hơn một giờ vẫn không rõ đã đến hay chưa, thông báo sau của cùng hồ sơ phải chờ; "
            "xem `hcc uncertain list`, kết luận bằng `hcc uncertain settle` "
            f"(quá {made.settings.max_age_hours:g} giờ thì thành thông báo chết)"
        )
    yield "không có thông báo nào hơn một giờ chưa rõ đã đến hay chưa"


def check_source(made: Services) -> Iterator[str]:
    source = Source(made.settings.dossier_url, load_mapping(made.settings.source))
    try:
        source.check()
    finally:
        source.close()
    yield f"kết nối được, mọi truy vấn của «{made.settings.source}» chạy được"


def check_feeds(made: Services) -> Iterator[str]:
    """A source that is slow or away delays and loses nothing; here it is seen how long."""
    with made.ledger.connect() as connection:
        paces = cursors.paces(connection, made.oa)
    if not paces:
        yield "chưa hỏi lần nào; worker và beat (hoặc `hcc poll --once`) sẽ bắt đầu"
    late = [f"{pace.feed} {pace.seconds:.0f} giây" for pace in paces if pace.feed in FEEDS and pace.seconds > _LATE]
    if late:
        raise Fault(f"lâu chưa đọc đến cuối: {', '.join(late)}; xem worker, beat và CSDL hồ sơ có chạy, có chậm không")
    for pace in paces:
        waits = f", chờ {pace.missing} id trống" if pace.missing else ""
        yield f"{pace.feed}: đọc đến cuối {pace.seconds:.0f} giây trước{waits}"


def check_token(made: Services) -> Iterator[str]:
    access = made.tokens.access(made.oa)
    if isinstance(access, NoAccess):
        raise Fault(f"{access.why}; chạy `hcc oa import`")
    yield f"cặp token thứ {access.version} còn dùng được"


def check_channels(made: Services) -> Iterator[str]:
    """A channel that is down or held: notices wait, and this says why and for how long."""
    for channel in made.channels.values():
        state = made.breaker.state(breaker_key(made.oa, channel))
        if state.until is not None:
            raise Fault(f"kênh {channel.name} đang ngắt ({state.failures} lỗi liên tiếp); tự thử lại, xem mạng và Zalo")
    holds = [hold for hold in made.holds.all() if _concerns(made, hold.key)]
    if holds:
        shown = [f"{hold.key} tạm giữ {hold.seconds:.0f} giây: {hold.reason}" for hold in holds[:_HOLDS_SHOWN]]
        rest = f"; và {len(holds) - _HOLDS_SHOWN} mục khác" if len(holds) > _HOLDS_SHOWN else ""
        raise Fault("; ".join(shown) + rest)
    yield f"{', '.join(made.channels)}: thông suốt"


def _concerns(made: Services, held: str) -> bool:
    """Whether a hold is the OA's, its app's or a person's: of these only the ledger knows whose they are."""
    of, _, rest = held.partition(":")
    return of == "person" or rest.partition(":")[0] in (made.oa, made.settings.zalo_app_id)


def check_apart(made: Deployment, one: Services) -> Iterator[str]:
    """Two OAs that read one dossier database by one mapping tell every person everything twice."""
    mine = one.settings
    for other in made:
        theirs = other.settings
        if other is not one and (mine.dossier_url, mine.source) == (theirs.dossier_url, theirs.source):
            raise Fault(
                f"cùng dossier_url và source với {made.names[other.oa]}: mỗi việc báo hai lần; sửa một trong hai bảng"
            )
    yield "CSDL hồ sơ không trùng với OA khác"


def check_costs(made: Services) -> Iterator[str]:
    """What today has cost so far, and whether a budget nears its end."""
    day, budget = today(datetime.now(UTC)), made.budget
    with made.ledger.connect() as connection:
        spent = spending.spent(connection, made.oa, day)
    for name in sorted({*spent, *budget.messages, *budget.dong}):
        so_far = spent.get(name, Spent())
        cost = f"{so_far.dong:,}".replace(",", ".")
        words = f"{name} hôm nay {so_far.messages} tin, {cost} đ"
        used = budget.used(name, so_far)
        if used >= budget.alarm_percent:
            raise Fault(f"{words}: đã dùng {used} % trần ngày; nâng HCC_BUDGET_… hoặc chờ sang ngày mai")
        yield f"{words}, {used} % trần ngày" if budget.limits(name) else words
    if not spent:
        yield "hôm nay chưa tốn gì"


def check_events(made: Services) -> Iterator[str]:
    """Zalo's events: that they can be checked at all, that none waits, and what we had no word for."""
    if not made.settings.zalo_oa_secret:
        yield "HCC_ZALO_OA_SECRET chưa đặt: mọi sự kiện của Zalo bị từ chối; chép khóa ở trang webhook của ứng dụng"
    with made.ledger.connect() as connection:
        found = inbox.state(connection, made.oa)
        kept, aside = unread.count(connection, made.oa)
    if kept:
        raise Fault(
            f"{kept} sự kiện chưa đọc được, {aside} đã gác lại (`hcc events list`): thêm khóa mới nhất vào "
            "HCC_SECRET_KEYS, nâng cấp worker cũ, rồi khởi động lại; hoặc `hcc events retry`, `hcc events discard`"
        )
    if found.waiting > _EVENTS_WAITING:
        raise Fault(f"{found.waiting} sự kiện chưa xử lý; worker và beat có đang chạy không?")
    if found.newest is None:
        yield "chưa nhận sự kiện nào; địa chỉ webhook: https://<tên miền>/hooks/zalo"
    else:
        yield f"mới nhất lúc {to_vietnam(found.newest):%d/%m/%Y %H:%M:%S}, {found.waiting} chưa xử lý"
    if found.unknown or found.odd:
        yield f"loại chưa biết: {', '.join(found.unknown) or 'không'}; không đọc được: {found.odd}"


def check_templates(_: Services) -> Iterator[str]:
    faults = Letters(TEMPLATES).check()
    if faults:
        raise Fault("; ".join(faults))
    yield "mọi loại thông báo có mẫu và dữ liệu mẫu"


CHECKS: dict[str, Callable[[Services], Iterator[str]]] = {
    "cấu hình": check_settings,
    "sổ thông báo": check_ledger,
    "kho theo tháng": check_months,
    "đồng hồ": check_clocks,
    "Redis": check_redis,
    "hàng đợi": check_broker,
    "kết nối": check_connections,
    "CSDL hồ sơ": check_source,
    "các luồng": check_feeds,
    "token Zalo": check_token,
    "kênh": check_channels,
    "chưa rõ đã đến": check_doubts,
    "chi phí": check_costs,
    "sự kiện Zalo": check_events,
    "mẫu tin": check_templates,
}
SHARED = frozenset({"sổ thông báo", "kho theo tháng", "đồng hồ", "Redis", "hàng đợi", "kết nối", "mẫu tin"})
"""Checks of what all OAs have in common."""
