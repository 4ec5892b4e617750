"""The sentences of a clerk's questions about a notice, word for word, from facts alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from domain.held import Held, HeldBy
from domain.lifecycle import State
from domain.notice import ANOTHER_NUMBER, NOT_A_FOLLOWER, OPTED_OUT, UNFOLLOWED, UNPROVEN
from ledger.notices.switches import Switch
from ledger.notices.uncertain import LEFT
from ledger.reports.why import FollowFacts, HistoryStep, NoticeFacts
from operators.explain.answer import Situation
from operators.explain.of_notice import Beside, verdict_on
from operators.phrasebook import Who
from worker.channels.conditions import QUIET
from worker.delivery.deliver import DOWN
from worker.wire.protocol import REFUSED

S = State
MASKED = "09******18"


def at(hour: int, minute: int = 0, *, day: int = 19, month: int = 2) -> datetime:
    """A time of 2024 in Vietnam, in UTC."""
    return datetime(2024, month, day, hour, minute, tzinfo=UTC) - timedelta(hours=7)


NOW = at(10)
GRACE = timedelta(days=14)
BLANK = NoticeFacts(
    id=1,
    event_key="H27.37-240219-1001/accepted/1",
    kind="accepted",
    state=State.DUE,
    reason=None,
    channel=None,
    code=None,
    due_at=at(9, 15),
    fresh_at=at(9, 15),
    recorded_at=at(9, 15),
    event_at=at(9, 9),
    text="Hồ sơ …",
    phone_seen=None,
    phone_sealed=None,
    told=None,
)


def notice(*path: tuple[State, datetime], **facts: Any) -> NoticeFacts:
    """A notice that came into these states at these times, the last of them its present one."""
    steps = [
        HistoryStep(moment, None if n == 0 else path[n - 1][0], state, None, "w")
        for n, (state, moment) in enumerate(path)
    ]
    return replace(BLANK, state=path[-1][0], steps=steps, **facts)


def said(
    one: NoticeFacts, *, held: Held | None = None, phone: str | None = None, now: datetime = NOW
) -> tuple[Any, ...]:
    """What is said of it: situation, Vietnamese, English, who acts."""
    verdict = verdict_on(one, Beside(now, GRACE, held, phone))
    return verdict.situation, verdict.vi, verdict.en, verdict.who


SENT = (S.SENDING, at(9, 16)), (S.SENT, at(9, 16))


def test_1_sent_and_seen() -> None:
    """Both times, with the day of the sending."""
    assert said(notice(*SENT, (S.SEEN, at(9, 20)))) == (
        Situation.SEEN,
        "Đã gửi lúc 09:16 ngày 19/02; người dân đã xem lúc 09:20.",
        "Sent at 09:16 on 19/02; the person opened it at 09:20.",
        Who.NOBODY,
    )
    reported = HistoryStep(at(9, 45), S.SENT, S.SEEN, "Zalo: 2024-02-19T02:21:07Z", "zalo")
    seen = notice(*SENT, (S.SEEN, at(9, 45)))
    assert said(replace(seen, steps=[*seen.steps[:-1], reported]))[1].endswith("đã xem lúc 09:21.")
    later = notice(*SENT, (S.DELIVERED, at(9, 20, day=20)))
    assert said(later)[1] == "Đã gửi lúc 09:16 ngày 19/02; máy người dân đã nhận lúc 09:20 ngày 20/02."


def test_2_sent_without_a_receipt() -> None:
    """Nobody has to do anything; on another day the day is said."""
    assert said(notice(*SENT, channel="zalo_cs")) == (
        Situation.SENT,
        (
            "Zalo đã nhận tin lúc 09:16, chưa báo là máy người dân đã nhận (máy tắt hoặc không có mạng). "
            "Không cần gửi lại."
        ),
        "Zalo took it at 09:16; no word yet that the phone has it. No need to resend.",
        Who.NOBODY,
    )
    assert said(notice(*SENT), now=at(10, day=21))[1].startswith("Zalo đã nhận tin lúc 09:16 ngày 19/02, chưa báo")
    assert "bằng tin nhắn SMS" in said(notice(*SENT, channel="sms"))[1]


@pytest.mark.parametrize(
    "reason", [NOT_A_FOLLOWER, ANOTHER_NUMBER, f"{NOT_A_FOLLOWER}; the dossier does not ask for SMS"]
)
def test_3_no_linked_follower(reason: str) -> None:
    """The number by which staff know the person, and until when following helps."""
    assert said(notice((S.UNREACHABLE, at(9, 15)), reason=reason), phone=MASKED) == (
        Situation.NO_FOLLOWER,
        (
            "Người dân chưa quan tâm OA, hoặc quan tâm bằng số khác với số trong hồ sơ (09******18). "
            "Nếu quan tâm trước ngày 04/03, tin sẽ tự đến sau vài giây."
        ),
        (
            "The person does not follow the OA, or does so under another number. "
            "If they follow before 04/03, it arrives by itself."
        ),
        Who.CLERK,
    )


def test_3_whoever_has_not_proven_the_phone_is_told_how() -> None:
    """Another reason than following has its own sentence."""
    situation, vi, _, who = said(notice((S.UNREACHABLE, at(9, 15)), reason=UNPROVEN))
    assert (situation, who) == (Situation.UNREACHABLE, Who.CLERK)
    assert vi.startswith("Chưa gửi được cho người này: người dân đã khai số điện thoại nhưng chưa xác nhận.")


def test_4_the_phone_is_wrong() -> None:
    """The fault, and the field masked; who corrects it."""
    one = notice((S.UNREACHABLE, at(9, 15)), reason="landline")
    verdict = verdict_on(one, Beside(NOW, GRACE, phone="02*****55"))
    assert verdict.situation is Situation.PHONE_WRONG
    assert verdict.vi == "Ô số điện thoại của hồ sơ không dùng được: số cố định (02*****55)."
    assert verdict.en == "The phone field cannot be used: landline (02*****55)."
    assert verdict.todo_vi == "Sửa số điện thoại trong hệ thống một cửa; tin chưa quá hạn sẽ tự gửi."


def test_5_the_person_wanted_no_more() -> None:
    """The day on which they wrote, or left."""
    off = FollowFacts(True, at(8, day=1), True, at(8, day=12))
    assert said(notice((S.SUPPRESSED, at(9, 15)), reason=OPTED_OUT, told=off)) == (
        Situation.REFUSED_BY_PERSON,
        'Người dân đã nhắn "dừng" ngày 12/02 nên không gửi nữa.',
        'They wrote "dừng" on 12/02, so nothing is sent.',
        Who.CLERK,
    )
    left = FollowFacts(False, at(8, day=12), False, None)
    for state in (S.UNREACHABLE, S.SUPPRESSED):
        vi = said(notice((state, at(9, 15)), reason=UNFOLLOWED, told=left))[1]
        assert vi == "Người dân đã bỏ quan tâm OA ngày 12/02 nên không gửi nữa."


def test_6_uncertain() -> None:
    """Zalo is asked; once it cannot tell, a person decides."""
    path = ((S.SENDING, at(9, 16)), (S.UNCERTAIN, at(9, 17)))
    verdict = verdict_on(notice(*path, reason="connection reset", due_at=at(9, 20)), Beside(NOW, GRACE))
    assert verdict.vi == (
        "Đường truyền đứt khi đang gửi lúc 09:16; chưa rõ tin đã đến. Hệ thống đang hỏi Zalo, không gửi lặp."
    )
    assert verdict.en == (
        "The line broke while sending; unknown whether it arrived. Zalo is being asked; nothing is sent twice."
    )
    assert verdict.todo_vi == ("Nhờ người dân mở Zalo xem có tin này không (nội dung bên dưới), rồi báo người trực.")
    assert verdict.next_at == at(9, 20)
    left = said(notice(*path, reason=LEFT))
    assert left[1] == "Chưa rõ tin gửi lúc 09:16 đã đến: hỏi Zalo không ra; cần người trực kết luận. Không gửi lặp."
    assert left[3] is Who.OPERATOR


def test_7_no_longer_true() -> None:
    """What happened first, and when."""
    assert said(notice((S.DUE, at(9, 15)), (S.SUPPRESSED, at(9, 30)), reason="fee paid")) == (
        Situation.UNTRUE,
        "Không gửi vì không còn đúng: phí đã nộp lúc 09:30.",
        "Not sent since no longer true: the fee was paid at 09:30.",
        Who.NOBODY,
    )
    newer = notice((S.SUPPRESSED, at(9, 30)), reason="a later notice tells the newer state")
    assert said(newer)[1] == "Không gửi vì không còn đúng: đã có tin mới hơn của hồ sơ lúc 09:30."


@pytest.mark.parametrize(
    ("facts", "held", "vi", "en"),
    [
        (
            {"reason": QUIET, "due_at": at(6, day=20)},
            None,
            "giờ nghỉ đến 06:00 ngày 20/02",
            "quiet hours until 06:00 on 20/02",
        ),
        (
            {"reason": REFUSED, "due_at": at(10, 20), "tries": 2},
            None,
            "kết nối Zalo đang lỗi, thử lại lúc 10:20, lần 3",
            "the connection to Zalo is failing, next try at 10:20, try 3",
        ),
        (
            {"reason": DOWN, "due_at": at(10, 20), "channel": "sms"},
            None,
            "kết nối cổng SMS đang lỗi, thử lại lúc 10:20, lần 1",
            "the connection to the SMS gateway is failing, next try at 10:20, try 1",
        ),
        (
            {"reason": "the day's budget of zns is used up", "due_at": at(0, day=20)},
            None,
            "hết hạn mức chi hôm nay",
            "today's budget is used up",
        ),
        (
            {},
            Held(HeldBy.LIMIT, at(10, 1)),
            "hạn mức lời gọi mỗi phút, chờ đến lượt đến 10:01",
            "the limit of calls per minute until 10:01",
        ),
        ({}, None, "đến lượt sẽ tự gửi", "it goes in its turn"),
        (
            {"stopped": (Switch(1, "*", "kind", "accepted", NOW, at(11), "Lan", "sửa mẫu"),)},
            None,
            "người trực đã dừng (kind accepted) đến 11:00: sửa mẫu",
            "an operator stopped it (kind accepted) until 11:00: sửa mẫu",
        ),
    ],
)
def test_8_it_waits(facts: dict[str, Any], held: Held | None, vi: str, en: str) -> None:
    """For what, until when; and that nothing is lost."""
    one = replace(BLANK, **facts)
    assert said(one, held=held)[:3] == (
        Situation.WAITING,
        f"Đang chờ: {vi}. Tin không mất.",
        f"Waiting: {en}. Nothing is lost.",
    )


def test_8_what_does_not_end_by_itself_names_who_acts() -> None:
    """The command for operators is not in the clerk's sentence."""
    verdict = verdict_on(BLANK, Beside(NOW, GRACE, Held(HeldBy.TOKEN)))
    assert (verdict.vi, verdict.who) == ("Đang chờ: OA chưa có quyền gửi. Tin không mất.", Who.ENGINEER)
    assert "hcc oa status" in verdict.todo_vi


def test_8_an_earlier_notice_goes_first() -> None:
    """Whether the ledger has put it behind, or the other one came later."""
    told = "Đang chờ: tin trước của hồ sơ chưa xong. Tin không mất."
    assert said(notice((S.WAITING, at(9, 15))))[1] == told
    assert said(BLANK, held=Held(HeldBy.EARLIER, what="x"))[1] == told


@pytest.mark.parametrize("reason", ["connect timeout", "not a valid request", "the channel is not ready"])
@pytest.mark.parametrize("state", [S.DEAD, S.QUARANTINED])
def test_a_notice_that_stopped_is_not_said_to_go_on_by_itself(state: S, reason: str) -> None:
    """Its reason ends by itself only while a notice waits."""
    verdict = verdict_on(notice((state, at(9, 15)), reason=reason), Beside(NOW, GRACE))
    assert verdict.who is Who.OPERATOR
    assert "người trực" in verdict.todo_vi
    assert "tự thử lại" not in verdict.todo_vi


def test_what_operators_have_to_decide_names_them() -> None:
    """Dead, kept back, too old, dropped."""
    dead = said(notice((S.DEAD, at(9, 15)), reason="gave up at its age limit: connection refused"))
    assert dead[1].startswith("Đã dừng, chờ người trực: thử đến hết hạn vẫn không được")
    assert dead[3] is Who.OPERATOR
    kept = said(notice((S.QUARANTINED, at(9, 15)), reason="older than 30 days when it was first seen"))
    assert kept[1] == "Đang tạm giữ, chờ người trực xem: việc đã cũ hơn 30 ngày khi hệ thống thấy lần đầu."
    assert said(notice((S.EXPIRED, at(9, 15)), reason="older than 72 hours"))[1] == (
        "Không gửi vì quá hạn: tin đã cũ quá 72 giờ."
    )
    steps = [HistoryStep(at(9, 40), S.DEAD, S.DISCARDED, "đã gọi điện", "Lan")]
    dropped = said(replace(notice((S.DISCARDED, at(9, 15))), steps=steps))
    assert dropped[1] == "Người trực đã bỏ tin này lúc 09:40 (Lan: đã gọi điện)."


_OF_NOBODY = ("Không cần làm gì", "Hệ thống đang hỏi Zalo", "Không gửi nữa theo ý người dân")
"""How advice begins where nobody has to act."""


def test_every_state_has_a_sentence_that_ends_and_that_says_who_acts() -> None:
    """Also without a reason, and with one that the book does not have."""
    for state in State:
        for reason in (None, "what nobody has written yet", OPTED_OUT):
            verdict = verdict_on(notice((state, at(9, 15)), reason=reason), Beside(NOW, GRACE))
            assert verdict.vi.endswith((".", "?"))
            assert verdict.en.endswith((".", "?"))
            assert verdict.who in Who
            assert verdict.who is not Who.NOBODY or not verdict.todo_vi or verdict.todo_vi.startswith(_OF_NOBODY)
    assert all(one != two for one, two in pairwise(Situation))
