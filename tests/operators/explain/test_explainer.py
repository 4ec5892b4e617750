"""The answer on a dossier from a real ledger and a real source, also where there is no notice."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event, text

from config.settings import Settings
from domain.event import Oddity
from domain.lifecycle import State
from ledger.notices import notices
from ledger.notices.notices import NewNotice
from ledger.reports import why
from ledger.source import cursors, fingerprints, oddities, sources
from ledger.source.fingerprints import Fingerprint
from operators.explain import Explainer, Explanation, Situation
from operators.explain.source_answer import SourceLook, SourceWord
from operators.phrasebook import Who
from sandbox.dossiers.living import LivingDossiers
from sandbox.servers import Servers
from worker.services.bootstrap import Services

OA, OTHER = "4024926008133882615", "4024926008133882616"
CODE = "H27.37-240219-1001"
PHONE = "0978362918"
MORNING = datetime(2024, 2, 19, 9, 9)  # noqa: DTZ001 (local and naive, as the dossier database keeps it)
NOBODY = "postgresql://x@127.0.0.1:1/x"
_numbers = itertools.count(1)


def settings(ledger_url: str, redis_url: str, dossier_url: str, oa: str = OA) -> Settings:
    """Settings of an OA that writes letters only."""
    return Settings(
        _env_file=None,  # type: ignore[call-arg]
        database_url=ledger_url,
        redis_url=redis_url,
        dossier_url=dossier_url,
        secret_keys=["0123456789abcdef"],
        zalo_oa_id=oa,
        channels=["paper"],
    )


@dataclass
class Desk:
    """A clerk's desk: the dossier database, the ledger, and the answers."""

    dossiers: LivingDossiers
    ledger: Engine
    services: Services
    explainer: Explainer

    @property
    def oa(self) -> str:
        return self.services.oa

    def says(self, typed: str = CODE) -> Explanation:
        return self.explainer.explain(typed)

    def record(self, code: str = CODE, kind: str = "accepted", *, phone: str | None = None, **columns: Any) -> None:
        """Record a notice, and give it these columns."""
        now = datetime.now(UTC)
        with self.ledger.begin() as tx:
            person = self.services.people.ids(tx, self.oa, [phone])[phone] if phone else None
            new = NewNotice(f"{code}/{kind}/1", code, kind, "H27.37", {}, person, None, now, now)
            notices.record(tx, self.oa, [new])
            for column, value in columns.items():
                tx.execute(
                    text(f"UPDATE notices SET {column} = :v WHERE oa = :oa AND event_key = :k"),
                    {"v": value, "oa": self.oa, "k": new.event_key},
                )

    def accept(self, code: str = CODE, *, channel: int = 2) -> None:
        self.dossiers.file(code, phone=PHONE, at=MORNING, channel=channel)
        self.dossiers.accept(code, at=MORNING, appointment=MORNING + timedelta(days=7))

    def read(self, *, ago: timedelta = timedelta()) -> None:
        """The feeds were read to their ends so long ago."""
        with self.ledger.begin() as tx:
            sources.begin(tx, self.oa, datetime(2026, 11, 1, 1, tzinfo=UTC))
            cursors.begin(tx, self.oa, "history", {}, datetime.now(UTC) - ago)


@pytest.fixture(scope="module")
def databases(servers: Servers, migrated: str) -> Iterator[tuple[str, str]]:
    """The URLs of a ledger and of a dossier database for all tests here: each test has an OA of its own."""
    names = ("explained", "explained_dossiers")
    servers.create_database(names[0], template=migrated)
    servers.create_database(names[1])
    yield servers.database_url(names[0]), servers.database_url(names[1])
    for name in names:
        servers.drop_database(name)


@pytest.fixture(scope="module")
def dossiers(databases: tuple[str, str]) -> Iterator[LivingDossiers]:
    """The dossier database."""
    living = LivingDossiers(databases[1])
    yield living
    living.close()


@pytest.fixture
def desk(databases: tuple[str, str], dossiers: LivingDossiers, redis_url: str) -> Iterator[Desk]:
    """A desk with an empty dossier database and an OA that the ledger knows nothing of."""
    with dossiers.engine.begin() as tx:
        tx.execute(text("TRUNCATE ho_so CASCADE"))
    made = Services(settings(databases[0], redis_url, databases[1], f"40249260081338{next(_numbers):05}"))
    desk = Desk(dossiers, made.ledger, made, Explainer([made]))
    yield desk
    desk.explainer.close()
    made.close()


@pytest.fixture
def alone(ledger_url: str, redis_url: str) -> Iterator[Explainer]:
    """Answers while the dossier database is away."""
    made = Services(settings(ledger_url, redis_url, NOBODY))
    yield Explainer([made])
    made.close()


def test_a_notice_is_found_however_its_code_is_typed(desk: Desk) -> None:
    """Without dots, with blanks and long dashes; the shape that programs read."""
    desk.record(phone="+84978362918", state="unreachable", reason="no Zalo user of this OA is linked to the phone")
    for typed in (CODE, " h27.37 – 240219 – 1001 ", "H27372402191001"):
        answer = desk.says(typed)
        assert (answer.code, answer.verdict.situation) == (CODE, Situation.NO_FOLLOWER)
        assert "(09******18)" in answer.verdict.vi
    shown = answer.shown()
    assert list(shown)[:7] == ["code", "sentence_vi", "sentence_en", "who", "todo_vi", "todo_en", "situation"]
    assert {"state": "unreachable", "next_at": None, "who": "clerk"}.items() <= shown.items()
    assert PHONE[1:] not in str(shown)
    assert [one["event_key"] for one in shown["notices"]] == [f"{CODE}/accepted/1"]


@pytest.mark.parametrize(
    "copied",
    ["hồ sơ: {}.", "mã hồ sơ {}.", "https://x.vn/thanh-toan-new.aspx?mahoso={}", "]C1{}", "MHS: {}", "hồ sơ {} của tôi",
     "Nguyễn Văn A, 0978362918, hồ sơ {}"],
)  # fmt: skip
def test_a_notice_is_found_by_what_was_copied_from_its_message_or_scanned(desk: Desk, copied: str) -> None:
    """The answer names the code only."""
    desk.record(state="sent")
    answer = desk.says(copied.format(CODE))
    assert (answer.code, answer.verdict.situation) == (CODE, Situation.SENT)


def test_a_code_in_a_sentence_that_nobody_knows_is_named_alone(desk: Desk) -> None:
    """Not the sentence around it."""
    answer = desk.says(f"hồ sơ: {CODE}.")
    assert (answer.code, answer.verdict.situation) == (CODE, Situation.UNKNOWN)


@pytest.mark.parametrize("typed", ["Hồ sơ", "?", "hồ sơ của tôi đâu", "Nguyễn Văn A 1990", "thôn 7 xã Kỳ Anh"])
def test_a_text_without_a_code_is_told_as_one(desk: Desk, alone: Explainer, typed: str) -> None:
    """Whether the source answers or not."""
    for answer in (desk.says(typed), alone.explain(typed)):
        assert (answer.code, answer.verdict.situation) == (typed, Situation.NOT_A_CODE)
        assert answer.verdict.vi.startswith("Đây không phải là mã hồ sơ")


def test_a_code_with_words_in_it_is_found_where_ledger_or_source_know_it(desk: Desk) -> None:
    """A code is opaque text."""
    desk.record("SỐ 7/2024 (BỔ SUNG)", state="sent")
    assert desk.says("số 7/2024 (bổ sung)").verdict.situation is Situation.SENT
    desk.accept("SỐ 8/2024 (BỔ SUNG)", channel=1)
    assert desk.says("số 8/2024 (bổ sung)").verdict.situation is Situation.AT_THE_COUNTER


def test_the_newest_notice_answers_and_the_others_are_there(desk: Desk) -> None:
    """In the order of their events."""
    desk.record(state="sent")
    desk.record(kind="result_ready", state="due", reason="quiet hours", due_at=datetime.now(UTC) + timedelta(hours=3))
    answer = desk.says()
    assert answer.verdict.situation is Situation.WAITING
    assert [one.state for one in answer.notices] == ["sent", "due"]
    assert answer.shown()["next_at"].endswith("+07:00")


def test_what_holds_a_due_notice_is_looked_for(desk: Desk) -> None:
    """An earlier notice of the dossier that nobody has settled."""
    desk.record(state="uncertain", reason="connection reset")
    desk.record(kind="result_ready", state="due", reason=None)
    assert desk.says().verdict.vi == "Đang chờ: tin trước của hồ sơ chưa xong. Tin không mất."


def test_filed_at_the_counter(desk: Desk) -> None:
    """Only the source knows that."""
    desk.accept(channel=1)
    answer = desk.says()
    assert answer.verdict.situation is Situation.AT_THE_COUNTER
    assert answer.verdict.vi == "Không có tin vì hồ sơ nộp trực tiếp, không thuộc diện báo."
    assert answer.oa == desk.oa
    assert answer.shown()["state"] is None


def test_before_the_first_start(desk: Desk) -> None:
    """Its events are in the baseline."""
    desk.accept()
    desk.read()
    with desk.ledger.begin() as tx:
        cursors.remember(tx, desk.oa, [f"{CODE}/accepted/1"])
    answer = desk.says()
    assert answer.verdict.situation is Situation.BASELINE
    assert answer.verdict.vi == "Không có tin vì hồ sơ có trước khi hệ thống chạy (01/11/2026)."


def test_the_kind_is_off_for_the_unit(desk: Desk) -> None:
    """What is not told is named."""
    desk.dossiers.file(CODE, phone=PHONE, at=MORNING)
    answer = desk.says()
    assert answer.verdict.situation is Situation.KIND_OFF
    assert answer.verdict.vi == "Không có tin vì loại tin này đang tắt ở đơn vị (đã gửi, chờ tiếp nhận)."


def test_nothing_has_happened_yet(desk: Desk) -> None:
    """A dossier in a status that no kind is about."""
    desk.dossiers.file(CODE, phone=PHONE, at=MORNING)
    desk.dossiers.move(CODE, 8, at=MORNING)
    assert desk.says().verdict.situation in (Situation.KIND_OFF, Situation.NOTHING_TO_TELL)


def test_a_row_set_aside(desk: Desk) -> None:
    """From the ledger's list of oddities; a fee without an amount in words of its own."""
    with desk.ledger.begin() as tx:
        oddities.keep(
            tx,
            desk.oa,
            [Oddity(CODE, "status", "holds a word that the mapping does not know: «Đang thẩm định»", "", "a")],
            [],
        )
    answer = desk.says()
    assert (answer.verdict.situation, answer.verdict.who) == (Situation.ODD, Who.ENGINEER)
    assert "cột status có từ mà bản đồ chưa biết: «Đang thẩm định»" in answer.verdict.vi
    assert [one["column"] for one in answer.oddities] == ["status"]
    no_amount = "a payment is requested but its amount is missing or not above zero"
    with desk.ledger.begin() as tx:
        oddities.keep(tx, desk.oa, [Oddity("H27.37-240219-1002", "amount", no_amount, "payments/7")], [])
    assert desk.says("H27.37-240219-1002").verdict.vi == "Không có tin vì yêu cầu phí chưa có số tiền."


def test_a_word_that_the_mapping_lacks_is_seen_in_the_source_too(desk: Desk) -> None:
    """Also before any poll has seen the row."""
    desk.accept()
    with desk.dossiers.engine.begin() as tx:
        tx.execute(text("UPDATE ho_so SET trang_thai = 99"))
    assert desk.says().verdict.situation is Situation.ODD


def test_the_poll_is_behind(desk: Desk) -> None:
    """The source has it, the ledger has not."""
    desk.accept()
    desk.read(ago=timedelta(minutes=12))
    answer = desk.says()
    assert (answer.verdict.situation, answer.verdict.who) == (Situation.POLL_BEHIND, Who.ENGINEER)
    assert answer.verdict.vi == "Lần đọc cuối cách đây 12 phút (bình thường 2 giây); người trực đã được báo."


def test_what_was_just_committed_is_read_in_seconds(desk: Desk) -> None:
    """The poll is not behind: nobody has to act."""
    desk.accept()
    desk.read()
    answer = desk.says()
    assert (answer.verdict.situation, answer.verdict.who) == (Situation.NOT_READ_YET, Who.NOBODY)


@pytest.mark.parametrize(
    "typed", ["H27.37-240219-1010", "H27.37-240219-10001", "H27.73-240219-1001", "H27.37-240219-101"]
)
def test_an_unknown_code_offers_the_nearest(desk: Desk, typed: str) -> None:
    """One slip away, or beside it in the ledger's order."""
    desk.record()
    desk.record("H27.99-240101-2002")
    answer = desk.says(typed)
    assert (answer.verdict.situation, list(answer.nearest)) == (Situation.UNKNOWN, [CODE])
    assert answer.verdict.vi == f"Không thấy mã này trong hệ thống hồ sơ. Có phải {CODE}?"
    assert answer.verdict.en == f"This code is not in the dossier system. Did you mean {CODE}?"


def test_a_code_like_none_is_unknown(desk: Desk) -> None:
    """Nothing is offered."""
    desk.record()
    answer = desk.says("XYZ-1")
    assert (answer.verdict.vi, list(answer.nearest)) == ("Không thấy mã này trong hệ thống hồ sơ.", [])
    assert desk.says(" ").verdict.situation is Situation.NOT_A_CODE
    assert desk.says("a" * 51).verdict.situation is Situation.NOT_A_CODE


def test_a_text_that_may_be_several_dossiers_is_not_guessed(desk: Desk) -> None:
    """All of them are named."""
    desk.record("H27.3.7-240219-1001")
    desk.record(CODE)
    answer = desk.says("H27372402191001")
    assert answer.verdict.situation is Situation.SEVERAL
    assert set(answer.nearest) == {CODE, "H27.3.7-240219-1001"}


def test_the_source_is_away(ledger: Engine, alone: Explainer) -> None:
    """What the ledger knows is said; a poll that is behind is the likely cause."""
    assert alone.explain(CODE).verdict.vi == ("Sổ thông báo chưa thấy mã này, và hệ thống hồ sơ đang không trả lời.")
    with ledger.begin() as tx:
        fingerprints.keep(tx, OA, [Fingerprint(CODE, 1)])
    assert "chưa có việc nào cần báo về hồ sơ này" in alone.explain(CODE).verdict.vi
    with ledger.begin() as tx:
        cursors.begin(tx, OA, "history", {}, datetime.now(UTC) - timedelta(hours=3))
    assert alone.explain(CODE).verdict.situation is Situation.POLL_BEHIND


def test_a_source_that_hangs_costs_its_limit_only(silent: str, ledger_url: str, redis_url: str) -> None:
    """And no answer is kept: the next question asks again."""
    look = SourceLook(settings(ledger_url, redis_url, silent), limit=0.05)
    began = datetime.now(UTC)
    assert look.ask([CODE]).word is SourceWord.AWAY
    assert datetime.now(UTC) - began < timedelta(seconds=4)


def test_an_answer_of_the_source_is_kept_for_a_while(desk: Desk) -> None:
    """A page that refreshes by itself asks the source once."""
    asked: list[str] = []
    desk.says()
    source = desk.explainer._looks[desk.oa]._source
    assert source is not None
    event.listen(source._engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    desk.says()
    assert asked == []


def test_a_ledger_that_is_away_is_a_sentence(redis_url: str) -> None:
    """Never an exception."""
    made = Services(settings(NOBODY, redis_url, NOBODY))
    answer = Explainer([made]).explain(CODE)
    assert answer.verdict.situation is Situation.LEDGER_AWAY
    assert answer.verdict.vi.startswith("Sổ thông báo tạm thời không trả lời.")
    made.close()


def test_of_several_oas_the_one_that_knows_the_dossier_answers(desk: Desk, ledger_url: str, redis_url: str) -> None:
    """By its notices, or by its source."""
    desk.record()
    other = Services(settings(ledger_url, redis_url, NOBODY, OTHER))
    both = Explainer([other, desk.services])
    assert both.explain(CODE).oa == desk.oa
    desk.accept("H27.37-240219-1002", channel=1)
    assert both.explain("H27.37-240219-1002").verdict.situation is Situation.AT_THE_COUNTER
    both.close()
    other.close()


def test_every_query_finds_its_rows_by_an_index(ledger: Engine) -> None:
    """With sequential scans discouraged, none is left: there is an index for each."""
    plans: list[str] = []

    def explain(connection: Any, _cursor: Any, statement: str, given: Any, *_rest: object) -> None:
        if statement.lstrip().startswith(("SELECT", "(SELECT")):
            raw = connection.connection.cursor()
            raw.execute(f"EXPLAIN {statement}", given)
            plans.append("\n".join(row[0] for row in raw.fetchall()))
            raw.close()

    with ledger.connect() as connection:
        connection.execute(text("SET enable_seqscan = off"))
        event.listen(connection, "before_cursor_execute", explain)
        why.known(connection, OA, [CODE, "b"])
        why.beside(connection, OA, CODE, most=30)
        why.odd_values(connection, OA, CODE)
        why.notices(connection, OA, CODE)
    scans = [plan for plan in plans if "Seq Scan on notices" in plan or "Seq Scan on sightings" in plan]
    assert len(plans) >= 4
    assert scans == []


def test_every_state_of_a_notice_is_explained_from_the_ledger(desk: Desk) -> None:
    """One dossier for each."""
    for number, state in enumerate(State):
        code = f"H27.37-240219-2{number:03}"
        desk.record(code, state=state.value)
        assert desk.says(code).notices[0].state == state
