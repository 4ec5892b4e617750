"""Checks of the ledger: its version, its months, where it went back, what nobody settles."""

from __future__ import annotations

from collections.abc import Iterator

from operators.checks.fault import Fault
from worker.bootstrap import Services
from worker.domain.clock import to_the_second
from worker.ledger import past, reports, setbacks
from worker.ledger.able import refusal
from worker.ledger.away import LedgerAway, why_away
from worker.ledger.migrate import missing
from worker.setbacks import REMEMBERED

_CURES = {
    "25006": "máy chủ chỉ cho đọc (máy dự phòng, vừa đổi máy chính, hoặc default_transaction_read_only); "
    "trỏ HCC_DATABASE_URL hay địa chỉ chung về máy chính, hoặc mở lại quyền ghi",
    "53100": "máy chủ hết chỗ trên đĩa; dọn hoặc thêm đĩa cho PostgreSQL",
    "53300": "máy chủ hết lượt kết nối; xem `hcc connections`, tăng max_connections hoặc đặt PgBouncer",
}
_REFUSED = "máy chủ trả lời nhưng không nhận ghi ({why}); xem nhật ký PostgreSQL"
_AT_THE_DOOR = {  # libpq tells a refusal at the door in words alone
    "too many": "53300",
    "remaining connection slots": "53300",
    "No space left": "53100",
}


def check_ledger(made: Services) -> Iterator[str]:
    """Not that it answers: that it takes a write, and that its tables can grow."""
    try:
        lacking = missing(made.ledger)
    except LedgerAway as away:
        raise Fault(_cure(away)) from away
    if lacking:
        raise Fault(f"thiếu {len(lacking)} bước nâng cấp; chạy `hcc migrate`")
    refused = refusal(made.ledger, room=True)
    if refused:
        raise Fault(_cure(refused))
    yield "kết nối được, ghi được, đúng bản"


def _cure(away: LedgerAway) -> str:
    said, state = str(away.orig), getattr(away.orig, "pgcode", None)
    if state is None:
        state = next((known for words, known in _AT_THE_DOOR.items() if words in said), None)
        if state is None:
            return f"không kết nối được; xem máy chủ PostgreSQL, mạng và HCC_DATABASE_URL ({_first_line(said)})"
    return f"{_CURES.get(state) or _REFUSED.format(why=why_away(away))}; thông báo chờ, tự gửi tiếp khi ghi được"


def _first_line(said: str) -> str:
    return (said.strip().splitlines() or [""])[0]


def check_setbacks(made: Services) -> Iterator[str]:
    """Where the ledger went back, what Zalo told us and what operators did in that time is gone for good."""
    with made.ledger.connect() as connection:
        lately = setbacks.recent(connection, REMEMBERED)
        unsynced = setbacks.to_sync(connection, [made.oa], REMEMBERED)
    windows = [f"{to_the_second(one.since)} – {to_the_second(one.until)}" for one in lately]
    lost = "người theo dõi, rút đồng ý và việc người trực làm trong lúc đó đã mất"
    if unsynced:
        raise Fault(f"sổ đã lùi lại ({'; '.join(windows)}): {lost}; chạy `hcc follower sync`, xem lại việc đã làm")
    yield from [f"sổ đã lùi lại {window}: {lost}; đã hỏi lại Zalo ai quan tâm" for window in windows]
    if not windows:
        yield f"không lùi lại trong {REMEMBERED.days} ngày qua"


def check_months(made: Services) -> Iterator[str]:
    """Rows without a month are safe, but only by month can they be dropped when their time is over."""
    with made.ledger.connect() as connection:
        lacking, stray = past.ready(connection)
    if lacking or stray:
        missing = f"chưa có phần {', '.join(lacking)}" if lacking else f"{', '.join(stray)} có dòng nằm ngoài các tháng"
        raise Fault(f"{missing}; worker và beat có đang chạy không? hoặc chạy `hcc purge`")
    yield f"các tháng tới đã sẵn sàng, giữ {made.settings.keep_months} tháng"


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
