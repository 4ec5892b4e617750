"""Decides what is said of a notice, by its state and reason: pure, one function for each state."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from config.channels import tells_arrival
from domain.held import Held, HeldBy
from domain.lifecycle import State
from domain.notice import OPTED_OUT
from ledger.reports.why import NoticeFacts
from operators.explain.answer import Situation, Verdict
from operators.explain.moments import at_day_and_minute, at_minute, on_day
from operators.phrasebook import Phrase, Who, Word, phrase, word_of
from worker.channels.conditions import BUDGET
from worker.delivery.deliver import DOWN, NOT_READY, REDIS_AWAY

NOTHING = Word("Không cần làm gì.", "Nothing to do.")
_SAFE = Word("Tin không mất.", "Nothing is lost.")
_UNREASONED = phrase("not given")  # of a notice without a reason


@dataclass(frozen=True, slots=True)
class Beside:
    """What is known besides the notice: `held` if it is due and does not leave, the phone, masked, and the grace."""

    now: datetime
    grace: timedelta
    held: Held | None = None
    phone: str | None = None


def verdict_on(notice: NoticeFacts, beside: Beside) -> Verdict:
    """What is said of this notice."""
    if notice.stopped and notice.state in (State.WAITING, State.DUE):
        return _switched_off(notice, beside)
    return _BY_STATE[notice.state](notice, beside)


def _seen(notice: NoticeFacts, beside: Beside) -> Verdict:
    sent, seen = notice.when(State.SENT), _reported_at(notice) or beside.now
    same_day = sent is not None and on_day(sent, beside.now) == on_day(seen, beside.now)
    at = at_minute(seen, seen) if same_day else at_day_and_minute(seen, beside.now)
    by = (
        Word("người dân đã xem", "the person opened it")
        if notice.state is State.SEEN
        else Word("máy người dân đã nhận", "the person's phone has it")
    )
    first = at_day_and_minute(sent or seen, beside.now)
    vi = f"Đã gửi lúc {first.vi}; {by.vi} lúc {at.vi}."
    en = f"Sent at {first.en}; {by.en} at {at.en}."
    return Verdict(Situation.SEEN, vi, en, Who.NOBODY, NOTHING.vi, NOTHING.en)


def _reported_at(notice: NoticeFacts) -> datetime | None:
    """When Zalo says that it came into its present state; where it says nothing, when that was recorded."""
    last = next((step for step in reversed(notice.steps) if step.after is notice.state), None)
    if last is None:
        return None
    try:
        return datetime.fromisoformat((last.why or "").removeprefix("Zalo: "))
    except ValueError:
        return last.at


def _sent(notice: NoticeFacts, beside: Beside) -> Verdict:
    at = at_minute(notice.when(State.SENT) or notice.recorded_at, beside.now)
    if tells_arrival(notice.channel):
        vi = (
            f"Zalo đã nhận tin lúc {at.vi}, chưa báo là máy người dân đã nhận (máy tắt hoặc không có mạng). "
            "Không cần gửi lại."
        )
        en = f"Zalo took it at {at.en}; no word yet that the phone has it. No need to resend."
        todo = Word(
            "Không cần làm gì; nếu người dân chưa thấy tin, nhờ họ bật mạng và mở Zalo xem tin của OA.",
            "Nothing to do; a person who does not see it yet turns on the network and looks in Zalo.",
        )
    else:
        by = word_of("channels", notice.channel or "")
        vi = f"Đã gửi lúc {at.vi} bằng {by.vi}; kênh này không báo lại là máy đã nhận. Không cần gửi lại."
        en = f"Sent at {at.en} by {by.en}, which does not report that the phone has it. No need to resend."
        todo = Word(
            "Không cần làm gì; nếu người dân chưa thấy tin, nhờ họ xem hộp thư trên máy.",
            "Nothing to do; a person who does not see it yet looks at the messages of the phone.",
        )
    return Verdict(Situation.SENT, vi, en, Who.NOBODY, todo.vi, todo.en)


def _unreachable(notice: NoticeFacts, beside: Beside) -> Verdict:
    said = _said(notice)
    phone = f" ({beside.phone})" if beside.phone else ""
    if said.topic == "unfollowed":
        return _refused(notice, beside)
    if said.topic == "phone":
        vi = f"Ô số điện thoại của hồ sơ không dùng được: {said.inner.vi}{phone}."
        en = f"The phone field cannot be used: {said.inner.en}{phone}."
        return Verdict(Situation.PHONE_WRONG, vi, en, said.who, said.todo_vi, said.todo_en)
    last = on_day(notice.fresh_at + beside.grace, beside.now)
    if said.topic == "follow":
        vi = (
            f"Người dân chưa quan tâm OA, hoặc quan tâm bằng số khác với số trong hồ sơ{phone}. "
            f"Nếu quan tâm trước ngày {last}, tin sẽ tự đến sau vài giây."
        )
        en = (
            "The person does not follow the OA, or does so under another number. "
            f"If they follow before {last}, it arrives by itself."
        )
        todo = Word("Đưa tờ hướng dẫn có mã QR.", "Hand out the guide with the QR code.")
        return Verdict(Situation.NO_FOLLOWER, vi, en, Who.CLERK, todo.vi, todo.en)
    vi = f"Chưa gửi được cho người này: {said.inner.vi}. Hệ thống còn giữ tin đến ngày {last}."
    en = f"The person cannot be reached now: {said.inner.en}. The notice is kept until {last}."
    return Verdict(Situation.UNREACHABLE, vi, en, said.who, said.todo_vi, said.todo_en)


def _refused(notice: NoticeFacts, beside: Beside) -> Verdict:
    """The person wrote "dừng", or unfollowed."""
    told, stopped = notice.told, notice.reason == OPTED_OUT
    since = (told.switched_at if stopped else told.follow_at) if told else None
    if since is None:
        since = notice.when(notice.state)
    day = f" ngày {on_day(since, beside.now)}" if since else ""
    on = f" on {on_day(since, beside.now)}" if since else ""
    if stopped:
        vi, en = f'Người dân đã nhắn "dừng"{day} nên không gửi nữa.', f'They wrote "dừng"{on}, so nothing is sent.'
        todo = Word('Nhắn "tiếp tục" với OA để nhận lại.', 'They write "tiếp tục" to the OA to get notices again.')
    else:
        vi, en = f"Người dân đã bỏ quan tâm OA{day} nên không gửi nữa.", f"They unfollowed{on}, so nothing is sent."
        todo = Word("Quan tâm lại OA để nhận lại.", "They follow the OA again to get notices again.")
    return Verdict(Situation.REFUSED_BY_PERSON, vi, en, Who.CLERK, todo.vi, todo.en)


def _uncertain(notice: NoticeFacts, beside: Beside) -> Verdict:
    at = at_minute(notice.when(State.SENDING) or notice.when(State.UNCERTAIN) or notice.recorded_at, beside.now)
    said = _said(notice)
    if said.topic == "decide":
        vi = f"Chưa rõ tin gửi lúc {at.vi} đã đến: {said.inner.vi}. Không gửi lặp."
        en = f"It is unknown whether what was sent at {at.en} arrived: {said.inner.en}. Nothing is sent twice."
        return Verdict(Situation.UNCERTAIN, vi, en, said.who, said.todo_vi, said.todo_en)
    vi = f"Đường truyền đứt khi đang gửi lúc {at.vi}; chưa rõ tin đã đến. Hệ thống đang hỏi Zalo, không gửi lặp."
    en = "The line broke while sending; unknown whether it arrived. Zalo is being asked; nothing is sent twice."
    todo = Word(
        "Nhờ người dân mở Zalo xem có tin này không (nội dung bên dưới), rồi báo người trực.",
        "The person looks in Zalo whether this message is there (its words are below); then tell an operator.",
    )
    return Verdict(Situation.UNCERTAIN, vi, en, Who.CLERK, todo.vi, todo.en, notice.due_at)


def _suppressed(notice: NoticeFacts, beside: Beside) -> Verdict:
    said = _said(notice)
    if notice.reason == OPTED_OUT or said.topic == "unfollowed":
        return _refused(notice, beside)
    if said.topic == "withdrawn":
        vi, en = f"Không gửi nữa: {said.inner.vi}.", f"Nothing is sent: {said.inner.en}."
        return Verdict(Situation.REFUSED_BY_PERSON, vi, en, said.who, said.todo_vi, said.todo_en)
    moment = notice.when(State.SUPPRESSED)
    at = at_minute(moment, beside.now) if moment else None
    vi = f"Không gửi vì không còn đúng: {said.inner.vi}{f' lúc {at.vi}' if at else ''}."
    en = f"Not sent since no longer true: {said.inner.en}{f' at {at.en}' if at else ''}."
    return Verdict(Situation.UNTRUE, vi, en, Who.NOBODY, NOTHING.vi, NOTHING.en)


def _waiting(_notice: NoticeFacts, _beside: Beside) -> Verdict:
    return _waits(Word("tin trước của hồ sơ chưa xong", "an earlier notice of the dossier is not finished"))


def _due(notice: NoticeFacts, beside: Beside) -> Verdict:
    if notice.due_at > beside.now and notice.reason:
        return _put_off(notice, beside)
    if beside.held is not None:
        until = beside.held.until
        if beside.held.by is HeldBy.EARLIER:
            return _waiting(notice, beside)
        cause, at = _without_command(word_of("holds", beside.held.by)), at_minute(until, beside.now) if until else None
        return _waits(
            Word(f"{cause.vi}{f' đến {at.vi}' if at else ''}", f"{cause.en}{f' until {at.en}' if at else ''}"),
            phrase(_SAME_AS[beside.held.by]) if beside.held.by in _SAME_AS else None,
            next_at=until,
        )
    return _waits(Word("đến lượt sẽ tự gửi", "it goes in its turn"), next_at=notice.due_at)


_SAME_AS: Mapping[HeldBy, str] = {
    HeldBy.BREAKER: DOWN,
    HeldBy.TOKEN: NOT_READY,
    HeldBy.REDIS: REDIS_AWAY,
    HeldBy.BUDGET: f"{BUDGET} is used up",
}
"""What holds a notice → the reason for which the same people act."""


def _without_command(word: Word) -> Word:
    """The word without the command for operators that stands behind it."""
    return Word(word.vi.partition(" (`")[0], word.en.partition(" (`")[0])


def _put_off(notice: NoticeFacts, beside: Beside) -> Verdict:
    """It has a time and a reason."""
    said, at = _said(notice), at_minute(notice.due_at, beside.now)
    match said.topic:
        case "quiet":
            cause = Word(f"giờ nghỉ đến {at.vi}", f"quiet hours until {at.en}")
        case "breakdown":
            to = Word("cổng SMS", "the SMS gateway") if notice.channel == "sms" else Word("Zalo", "Zalo")
            cause = Word(
                f"kết nối {to.vi} đang lỗi, thử lại lúc {at.vi}, lần {notice.tries + 1}",
                f"the connection to {to.en} is failing, next try at {at.en}, try {notice.tries + 1}",
            )
        case "budget":
            cause = Word("hết hạn mức chi hôm nay", "today's budget is used up")
        case _:
            cause = Word(f"{said.inner.vi}, gửi lúc {at.vi}", f"{said.inner.en}, it goes at {at.en}")
    return _waits(cause, said, next_at=notice.due_at)


def _switched_off(notice: NoticeFacts, beside: Beside) -> Verdict:
    one = notice.stopped[0]
    until = at_minute(one.until, beside.now) if one.until else None
    cause = Word(
        f"người trực đã dừng ({one.told}){f' đến {until.vi}' if until else ''}: {one.why}",
        f"an operator stopped it ({one.told}){f' until {until.en}' if until else ''}: {one.why}",
    )
    return _waits(cause, phrase("switched off: all"), next_at=one.until)


def _waits(cause: Word, said: Phrase | None = None, *, next_at: datetime | None = None) -> Verdict:
    who, todo = (said.who, Word(said.todo_vi, said.todo_en)) if said and said.known else (Who.NOBODY, NOTHING)
    vi, en = f"Đang chờ: {cause.vi}. {_SAFE.vi}", f"Waiting: {cause.en}. {_SAFE.en}"
    return Verdict(Situation.WAITING, vi, en, who, todo.vi, todo.en, next_at)


def _sending(_notice: NoticeFacts, _beside: Beside) -> Verdict:
    return _waits(Word("tin đang được gửi", "it is being sent"))


def _dead(notice: NoticeFacts, _beside: Beside) -> Verdict:
    said = _said(notice)
    vi, en = f"Đã dừng, chờ người trực: {said.inner.vi}.", f"Stopped, an operator has to act: {said.inner.en}."
    who, todo = _to_decide(said, Word("Báo người trực gửi lại hoặc bỏ.", "An operator retries it or drops it."))
    return Verdict(Situation.DEAD, vi, en, who, todo.vi, todo.en)


def _quarantined(notice: NoticeFacts, _beside: Beside) -> Verdict:
    said = _said(notice)
    vi, en = (
        f"Đang tạm giữ, chờ người trực xem: {said.inner.vi}.",
        f"Kept back for an operator's look: {said.inner.en}.",
    )
    who, todo = _to_decide(said, Word("Báo người trực cho gửi hoặc bỏ.", "An operator releases it or drops it."))
    return Verdict(Situation.QUARANTINED, vi, en, who, todo.vi, todo.en)


def _to_decide(said: Phrase, usual: Word) -> tuple[Who, Word]:
    """Who acts on a notice that stopped, and how; it waits no more, so what helps a waiting one does not help it."""
    if said.waits or said.who is Who.NOBODY:
        return Who.OPERATOR, usual
    return said.who, Word(said.todo_vi or usual.vi, said.todo_en or usual.en)


def _expired(notice: NoticeFacts, _beside: Beside) -> Verdict:
    said = _said(notice)
    vi, en = f"Không gửi vì quá hạn: {said.inner.vi}.", f"Not sent since it is too old: {said.inner.en}."
    return Verdict(Situation.EXPIRED, vi, en, said.who, said.todo_vi, said.todo_en)


def _discarded(notice: NoticeFacts, beside: Beside) -> Verdict:
    last = next((step for step in reversed(notice.steps) if step.after is State.DISCARDED), None)
    at = at_minute(last.at, beside.now) if last else None
    by = f"{last.by}: {last.why}" if last else notice.reason or ""
    vi = f"Người trực đã bỏ tin này{f' lúc {at.vi}' if at else ''} ({by})."
    en = f"An operator dropped this notice{f' at {at.en}' if at else ''} ({by})."
    todo = Word("Báo người dân bằng cách khác nếu còn cần.", "Tell the person in another way if it is still wanted.")
    return Verdict(Situation.DISCARDED, vi, en, Who.CLERK, todo.vi, todo.en)


_BY_STATE: Mapping[State, Callable[[NoticeFacts, Beside], Verdict]] = {
    State.WAITING: _waiting,
    State.QUARANTINED: _quarantined,
    State.DUE: _due,
    State.SENDING: _sending,
    State.SENT: _sent,
    State.DELIVERED: _seen,
    State.SEEN: _seen,
    State.UNCERTAIN: _uncertain,
    State.UNREACHABLE: _unreachable,
    State.SUPPRESSED: _suppressed,
    State.DEAD: _dead,
    State.EXPIRED: _expired,
    State.DISCARDED: _discarded,
}


def _said(notice: NoticeFacts) -> Phrase:
    return phrase(notice.reason) if notice.reason else _UNREASONED
