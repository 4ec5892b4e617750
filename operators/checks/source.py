"""Checks of the dossier database, of the progress of its feeds, and of data that cannot be read."""

from __future__ import annotations

from collections.abc import Iterator

from ledger.notices import truth
from ledger.source import cursors, oddities
from operators.checks.fault import CheckFault
from operators.stuck import feed_patience
from producers.dossiers.mapping import load_mapping
from producers.dossiers.queries import FEEDS
from producers.dossiers.source import Source
from worker.services.bootstrap import Services
from worker.services.deployment import Deployment

_SHOWN = 5  # listed at most: the most frequent oddities, the newest notices that are no longer true


def check_source(made: Services) -> Iterator[str]:
    source = Source(made.settings.dossier_url, load_mapping(made.settings.source))
    try:
        source.check()
        if fault := source.encoding_fault():
            raise CheckFault(fault)
    finally:
        source.close()
    yield f"kết nối được, mọi truy vấn của «{made.settings.source}» chạy được"


def check_feeds(made: Services) -> Iterator[str]:
    """A slow or unavailable source delays notices and loses none; this check shows for how long."""
    with made.ledger.connect() as connection:
        paces = cursors.paces(connection, made.oa)
    if not paces:
        yield "chưa hỏi lần nào; worker và beat (hoặc `hcc poll --once`) sẽ bắt đầu"
    patience = feed_patience(made)
    late = [f"{pace.feed} {pace.seconds:.0f} giây" for pace in paces if pace.feed in FEEDS and pace.seconds > patience]
    if late:
        raise CheckFault(
            f"lâu chưa đọc đến cuối: {', '.join(late)}; xem worker, beat và CSDL hồ sơ có chạy, có chậm không"
        )
    for pace in paces:
        waits = f", chờ {pace.missing} id trống" if pace.missing else ""
        yield f"{pace.feed}: đọc đến cuối {pace.seconds:.0f} giây trước{waits}"


def check_oddities(made: Services) -> Iterator[str]:
    """A word that the mapping does not know keeps notices back until it is added; other faults only lose their fact."""
    with made.ledger.connect() as connection:
        tallies = oddities.tallied(connection, made.oa)
    unknown = [one for one in tallies if one.marked]
    if unknown:
        told = "; ".join(f"{one.field} {one.shown} ({one.number} chỗ)" for one in unknown[:_SHOWN])
        raise CheckFault(
            f"bản đồ chưa hiểu: {told}; thông báo phụ thuộc đang tạm giữ (`hcc quarantine list`); "
            "thêm từ vào bản đồ hoặc sửa trong CSDL hồ sơ, xem `hcc source oddities`"
        )
    for one in tallies[:_SHOWN]:
        yield f"{one.number} chỗ ở cột {one.field} không đọc được, xem `hcc source oddities`"
    if not tallies:
        yield "mọi dòng đã đọc đều hiểu được"


def check_told(made: Services) -> Iterator[str]:
    """Notices that were sent and are no longer true: no fault of the system, but somebody has to call the person."""
    with made.ledger.connect() as connection:
        found = truth.amiss(connection, made.oa, limit=_SHOWN + 1)
    for key, why in found[:_SHOWN]:
        yield f"đã báo mà nay không còn đúng: {key} ({why}); liên hệ người nộp"
    if len(found) > _SHOWN:
        yield "còn nữa; xem từng hồ sơ bằng `hcc dossier MÃ`"
    if not found:
        yield "không có gì đã báo mà nay không còn đúng"


def check_apart(made: Deployment, one: Services) -> Iterator[str]:
    """Two OAs that read the same dossier database by the same mapping would tell every person everything twice."""
    mine = one.settings
    for other in made:
        theirs = other.settings
        if other is not one and (mine.dossier_url, mine.source) == (theirs.dossier_url, theirs.source):
            raise CheckFault(
                f"cùng dossier_url và source với {made.names[other.oa]}: mỗi việc báo hai lần; sửa một trong hai bảng"
            )
    yield "CSDL hồ sơ không trùng với OA khác"
