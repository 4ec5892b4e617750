"""Checks of the ledger: its version, its months, where it went back, what nobody settles."""

from __future__ import annotations

from collections.abc import Iterator

from config.causes import cause_of
from operators.checks.fault import Fault
from operators.reasons import ledger_refusal
from worker.bootstrap import Services
from worker.domain.clock import to_the_second
from worker.ledger import past, reports, setbacks
from worker.ledger.able import refusal
from worker.ledger.away import LedgerAway
from worker.ledger.encoding import encoding_fault
from worker.ledger.migrate import missing
from worker.setbacks import REMEMBERED


def check_ledger(made: Services) -> Iterator[str]:
    """Not that it answers: that it takes a write, and that its tables can grow."""
    try:
        with made.ledger.connect() as connection:
            if fault := encoding_fault(connection):
                raise Fault(fault)
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
    refused = ledger_refusal(away)
    if refused:
        return f"{refused}; thông báo chờ, tự gửi tiếp khi ghi được"
    return f"không kết nối được (HCC_DATABASE_URL): {cause_of(away).vietnamese}"


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
