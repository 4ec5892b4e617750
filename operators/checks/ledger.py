"""Checks of the ledger: its version, its monthly partitions, its setbacks, and doubts that nobody settles."""

from __future__ import annotations

from collections.abc import Iterator

from config.causes import cause_of
from domain.clock import to_the_second
from ledger.archive import archive
from ledger.base import setbacks
from ledger.base.able import refusal
from ledger.base.away import LedgerAway
from ledger.base.encoding import encoding_fault
from ledger.migrate import missing
from ledger.reports import gauges
from operators.checks.fault import CheckFault
from operators.reasons import ledger_refusal
from worker.services.bootstrap import Services
from worker.services.setbacks import REMEMBERED


def check_ledger(made: Services) -> Iterator[str]:
    """Not merely that it answers: it must accept a write, and its tables must be able to grow."""
    try:
        with made.ledger.connect() as connection:
            if fault := encoding_fault(connection):
                raise CheckFault(fault)
        lacking = missing(made.ledger)
    except LedgerAway as away:
        raise CheckFault(_cure(away)) from away
    if lacking:
        raise CheckFault(f"thiếu {len(lacking)} bước nâng cấp; chạy `hcc migrate`")
    refused = refusal(made.ledger, room=True)
    if refused:
        raise CheckFault(_cure(refused))
    yield "kết nối được, ghi được, đúng bản"


def _cure(away: LedgerAway) -> str:
    refused = ledger_refusal(away)
    if refused:
        return f"{refused}; thông báo chờ, tự gửi tiếp khi ghi được"
    return f"không kết nối được (HCC_DATABASE_URL): {cause_of(away).vietnamese}"


def check_setbacks(made: Services) -> Iterator[str]:
    """After a setback, the events of Zalo and the acts of operators from the lost time are gone for good."""
    with made.ledger.connect() as connection:
        lately = setbacks.recent(connection, REMEMBERED)
        unsynced = setbacks.to_sync(connection, [made.oa], REMEMBERED)
    windows = [f"{to_the_second(one.since)} – {to_the_second(one.until)}" for one in lately]
    lost = "người theo dõi, rút đồng ý và việc người trực làm trong lúc đó đã mất"
    if unsynced:
        raise CheckFault(f"sổ đã lùi lại ({'; '.join(windows)}): {lost}; chạy `hcc follower sync`, xem lại việc đã làm")
    yield from [f"sổ đã lùi lại {window}: {lost}; đã hỏi lại Zalo ai quan tâm" for window in windows]
    if not windows:
        yield f"không lùi lại trong {REMEMBERED.days} ngày qua"


def check_months(made: Services) -> Iterator[str]:
    """Rows outside the monthly partitions are safe, but only whole months can be dropped at the end of retention."""
    with made.ledger.connect() as connection:
        lacking, stray = archive.ready(connection)
    if lacking or stray:
        missing = f"chưa có phần {', '.join(lacking)}" if lacking else f"{', '.join(stray)} có dòng nằm ngoài các tháng"
        raise CheckFault(f"{missing}; worker và beat có đang chạy không? hoặc chạy `hcc purge`")
    yield f"các tháng tới đã sẵn sàng, giữ {made.settings.keep_months} tháng"


def check_doubts(made: Services) -> Iterator[str]:
    """Doubts that only a person can settle: left to one, or an hour old. Later notices of their dossiers wait."""
    with made.ledger.connect() as connection:
        left = gauges.uncertain_left(connection, made.oa)
    if left:
        raise CheckFault(
            f"{left} thông báo không rõ đã đến hay chưa mà hỏi Zalo không ra, thông báo sau của cùng hồ sơ phải chờ; "
            "xem `hcc uncertain list`, kết luận bằng `hcc uncertain settle` "
            f"(quá {made.settings.max_age_hours:g} giờ thì thành thông báo chết)"
        )
    yield "không có thông báo nào chờ người trực kết luận đã đến hay chưa"
