"""What a look into the conversation proves, and what it does not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.settling import (
    GIVE_UP,
    LOOKS,
    SKEW,
    ConversationRow,
    DoubtQuestion,
    DoubtVerdict,
    Shown,
    ToldText,
    folded,
    next_look,
    verdict,
)

BEGAN = datetime(2026, 1, 31, 1, 0, tzinfo=UTC)
CODE = "H27.37-260131-0001"
TEXT = f"đã tiếp nhận hồ sơ {CODE}"
LATE = LOOKS[-1]


def at(seconds: float) -> datetime:
    return BEGAN + timedelta(seconds=seconds)


def row(seconds: float = 1, text: str | None = TEXT, *, ours: bool = True) -> ConversationRow:
    """A row of the conversation, so long after the request began."""
    return ConversationRow(ours, at(seconds), text, f"id {seconds}")


def told(since: float, until: float, text: str = TEXT, *, sure: bool = True) -> ToldText:
    return ToldText(text, at(since), at(until), sure)


def judged(
    *rows: ConversationRow,
    age: float = 5,
    told: tuple[ToldText, ...] = (),
    complete: bool = True,
    conclusive: bool = True,
    text: str = TEXT,
    code: str = CODE,
) -> DoubtVerdict:
    """The verdict on the notice with `TEXT`."""
    return verdict(DoubtQuestion(text, code, BEGAN, age, told), Shown(rows, complete, conclusive))


def test_the_words_since_the_request_began_have_arrived() -> None:
    """One row of ours with these words settles at once."""
    assert judged(row()) is DoubtVerdict.ARRIVED


@pytest.mark.parametrize(
    "shown",
    [
        TEXT.replace(" ", "  "),
        TEXT.replace(" ", "\u00a0"),
        TEXT + "\r\n",
        TEXT.replace("hồ", "ho\u0302\u0300"),
        f"\u200b{TEXT}",
    ],
    ids=["blanks", "hard blanks", "line end", "decomposed", "a mark nobody sees"],
)
def test_words_are_recognised_however_zalo_shows_them(shown: str) -> None:
    assert judged(row(text=shown)) is DoubtVerdict.ARRIVED


def test_a_link_may_be_shown_in_any_way() -> None:
    """Zalo may shorten it, or show a card in its place."""
    ours = f"Phí hồ sơ {CODE}: https://dichvucong.hatinh.gov.vn/x?mahoso={CODE}"
    for shown in (f"Phí hồ sơ {CODE}: https://zalo.me/s/1", f"Phí hồ sơ {CODE}:"):
        assert judged(row(text=shown), text=ours) is DoubtVerdict.ARRIVED


@pytest.mark.parametrize("other", [row(text=TEXT + "."), row(ours=False), row(text=None), row(-3600)], ids=str)
def test_other_words_another_sender_or_an_older_message_prove_nothing(other: ConversationRow) -> None:
    """Only ours, only these words, only since then."""
    assert judged(other) is DoubtVerdict.UNCLEAR


def test_absence_proves_nothing_before_the_last_look() -> None:
    """How late Zalo shows, or carries out, what it accepted is not documented."""
    assert judged(age=LATE - 1) is DoubtVerdict.UNCLEAR
    assert judged(age=LATE) is DoubtVerdict.NOT_ARRIVED


def test_absence_proves_nothing_where_rows_do_not_reach_back_far_enough() -> None:
    """A chatty person's rows may hide ours."""
    assert judged(age=GIVE_UP, complete=False) is DoubtVerdict.UNCLEAR
    assert judged(row(-1e5), age=GIVE_UP, complete=False) is DoubtVerdict.NOT_ARRIVED


def test_absence_proves_nothing_where_it_could_still_arrive_or_clocks_disagree() -> None:
    """Behind a proxy; or where Zalo's times say nothing of ours."""
    assert judged(age=GIVE_UP, conclusive=False) is DoubtVerdict.UNCLEAR
    assert judged(row(), conclusive=False) is DoubtVerdict.ARRIVED


@pytest.mark.parametrize(
    "other",
    [f"Hồ sơ {CODE} đã được tiếp nhận", "gửi lại: h27.37–260131–0001", f"...{CODE.lower()}...", "H27 37 260131 0001"],
)
def test_absence_proves_nothing_while_a_row_of_ours_names_the_dossier(other: str) -> None:
    """It may be this notice, as Zalo shows it; or staff told the person."""
    assert judged(row(text=other), age=GIVE_UP) is DoubtVerdict.UNCLEAR


def test_a_row_that_another_notice_explains_is_no_obstacle() -> None:
    """The fee was told of, and stands there; the acceptance did not arrive."""
    fee = f"Phí hồ sơ {CODE}: 50.000"
    assert judged(row(-20, fee), age=LATE, told=(told(-21, -19, fee),)) is DoubtVerdict.NOT_ARRIVED
    assert judged(row(-20, fee), row(3, fee), age=LATE, told=(told(-21, -19, fee),)) is DoubtVerdict.UNCLEAR
    assert judged(row(-20, fee), age=LATE, told=(told(-21, -19, fee, sure=False),)) is DoubtVerdict.UNCLEAR


def test_a_notice_without_a_code_looks_for_words_like_its_own() -> None:
    """A welcome, an answer in the chat."""
    words = "Cảm ơn bạn đã quan tâm Hành chính công tỉnh Hà Tĩnh"
    assert judged(row(text=words + " nhé"), text=words, code="follower-1", age=LATE) is DoubtVerdict.UNCLEAR
    assert judged(row(text="Xin chào"), text=words, code="follower-1", age=LATE) is DoubtVerdict.NOT_ARRIVED


def test_words_that_nobody_can_compare_settle_nothing() -> None:
    """A notice without words is not found in pictures."""
    assert judged(row(text=None), text="", age=GIVE_UP) is DoubtVerdict.UNCLEAR


def test_two_notices_that_read_alike_are_counted() -> None:
    """A row that another notice accounts for is not taken for this one; two rows are enough for both."""
    before = told(-61, -59)
    assert judged(row(-60), told=(before,), age=LATE) is DoubtVerdict.NOT_ARRIVED
    assert judged(row(-60), row(2), told=(before,)) is DoubtVerdict.ARRIVED


@pytest.mark.parametrize("zalo_is_ahead", [-180, -1, 0, 1, 180])
@pytest.mark.parametrize("ago", [10, 119, 121, 299, 301, 500, 900])
@pytest.mark.parametrize("arrived", [False, True])
def test_clocks_that_differ_change_no_verdict(zalo_is_ahead: int, ago: int, arrived: bool) -> None:
    """However long ago the same words were told: its row and its time are counted both, or neither."""
    rows = [row(zalo_is_ahead - ago)] + [row(zalo_is_ahead + 1)] * arrived
    known = (told(-ago - 1, -ago + 1),)
    expected = DoubtVerdict.ARRIVED if arrived else DoubtVerdict.NOT_ARRIVED
    assert judged(*rows, told=known, age=LATE) is expected


@given(
    gaps=st.lists(st.integers(2, 400), max_size=6),
    ahead=st.integers(-180, 180),
    delay=st.integers(0, 100),
    arrived=st.booleans(),
    late=st.integers(0, 170),
)
def test_what_arrived_is_never_taken_for_absent(
    gaps: list[int], ahead: int, delay: int, arrived: bool, late: int
) -> None:
    """The same words any number of times before, clocks apart by three minutes, carried out late: no second message."""
    known, rows, when = [], [], 0.0
    for gap in gaps:
        when -= gap + delay
        known.append(told(when - 1, when + delay + 1))
        rows.append(row(when + delay + ahead))
    rows += [row(late + ahead)] * arrived
    found = judged(*rows, told=tuple(known), age=LATE)
    assert found is (DoubtVerdict.ARRIVED if arrived else DoubtVerdict.NOT_ARRIVED)


def test_looks_come_closer_at_first() -> None:
    """3 s, 8 s, 20 s, 40 s, 90 s, 180 s after the attempt, then every minute."""
    assert [next_look(age) for age in (0, 3, 8, 20, 40, 90, 180, 400)] == [3, 5, 12, 20, 50, 90, 60, 60]


def test_folding_keeps_what_tells_notices_apart() -> None:
    """Amounts, codes and letters."""
    assert folded("Số tiền: 1.000.000") != folded("Số tiền: 1.000.001")
    assert folded("hồ sơ A") != folded("hồ sơ B")
    assert timedelta(minutes=3) < SKEW
