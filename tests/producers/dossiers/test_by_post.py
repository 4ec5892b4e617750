"""Results by post (R34): one sentence more where it is wanted, and no reminder to come for what the post brings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.settings import ROOT
from domain.dossier import Change, Dossier, Status
from domain.event import Event, Retraction
from domain.kinds import milestones
from domain.letters import Facts, Letters
from domain.lifecycle import State
from domain.truth import Addressee, Correct, Keep, Recorded, Said, decide, facts_of
from tests.producers.dossiers.conftest import MORNING, World
from tests.producers.dossiers.test_reminders import begun, reminded, sent

COMES, GETS = "H27.37-240219-1001", "H27.37-240219-1002"
LETTERS = Letters(ROOT / "templates")
FOUNDING = "Hệ thống giải quyết TTHC tỉnh Hà Tĩnh thông báo hồ sơ: H27.37-240219-1001 đã giải quyết xong."


def two_results(world: World) -> None:
    """Two results; that of `GETS` goes by post."""
    for code in (COMES, GETS):
        world.accept(code)
        world.dossiers.finish(code, at=MORNING)
    world.sql("UPDATE ho_so SET nhan_ket_qua_buu_dien = true WHERE ma_ho_so = :code", code=GETS)


def test_who_gets_it_by_post_is_not_reminded_to_come(world: World) -> None:
    """The column is in the reference mapping; the notice of the result says so to its text."""
    poller = begun(world, "collect_reminder")
    two_results(world)
    poller.round()
    told = dict(world.rows("SELECT code, facts FROM notices WHERE kind = 'result_ready'"))
    assert told == {COMES: {}, GETS: {"by_post": True}}
    sent(world, 6)
    assert (poller.remind(), poller.remind()) == (1, 0)
    assert reminded(world) == [f"{COMES}/collect_reminder/1"]


def test_a_reminder_that_has_not_left_is_taken_back_when_the_post_takes_over(world: World) -> None:
    """The person chose the post after the first notice."""
    poller = begun(world, "collect_reminder")
    two_results(world)
    poller.round()
    sent(world, 6)
    poller.remind()
    now = world.now.astimezone(world.mapping.zone).replace(tzinfo=None)
    world.sql("UPDATE ho_so SET nhan_ket_qua_buu_dien = true, cap_nhat_luc = :now", now=now)
    poller.round()
    [notice] = world.rows("SELECT state, reason FROM notices WHERE kind = 'collect_reminder'")
    assert tuple(notice) == ("suppressed", "the result goes by post")


def test_a_mapping_without_the_column_counts_everybody_as_coming(world: World) -> None:
    columns = world.mapping.columns
    without = "".join(line for line in columns.dossier.splitlines(keepends=True) if "by_post" not in line)
    without = without.replace("AS sms,", "AS sms ")
    world.mapping = world.mapping.model_copy(update={"columns": columns.model_copy(update={"dossier": without})})
    poller = begun(world, "collect_reminder")
    two_results(world)
    poller.round()
    assert [row.facts for row in world.rows("SELECT facts FROM notices WHERE kind = 'result_ready'")] == [{}, {}]


def test_the_founding_text_is_untouched_where_nobody_asked_for_post() -> None:
    """And where the setting is off: the fact reaches the text only with it."""
    assert LETTERS.text("result_ready", Facts(COMES)) == FOUNDING
    assert LETTERS.text("result_ready", Facts(COMES, by_post=True)) == (
        f"{FOUNDING}\nKết quả được gửi qua bưu điện như đã đăng ký."
    )


dossiers = st.builds(
    Dossier,
    code=st.just(COMES),
    unit=st.none(),
    status=st.sampled_from(Status),
    phone=st.none(),
    accepted_at=st.none(),
    appointment_at=st.none(),
    finished_at=st.none(),
    result_given=st.booleans(),
    given_back=st.booleans(),
    by_post=st.booleans(),
)


@given(dossier=dossiers)
def test_no_state_of_a_dossier_by_post_makes_a_reminder(dossier: Dossier) -> None:
    """A finished one ends the reminder that was on its way; the result itself is told either way, and says how."""
    change = Change(dossier, MORNING, status=dossier.status)
    reminders = list(milestones.collect_reminder(change))
    if dossier.by_post:
        assert all(isinstance(found, Retraction) for found in reminders)
        assert bool(reminders) == (dossier.status in milestones.DONE or dossier.given_back)
    results = [found for found in milestones.result_ready(change) if isinstance(found, Event)]
    assert all(facts_of(found).get("by_post", False) is dossier.by_post for found in results)


@pytest.mark.parametrize(("recorded", "now"), [(True, False), (False, True)])
def test_a_choice_that_changes_before_the_notice_leaves_is_corrected(recorded: bool, now: bool) -> None:
    """Only what is true leaves."""
    facts = {"by_post": True} if recorded else {}
    notice = Recorded(1, f"{COMES}/result_ready/1", COMES, "result_ready", State.DUE, facts, 7, None)
    found = decide(notice, Said({"by_post": True} if now else {}, None), Addressee(7))
    assert isinstance(found, Correct)
    assert (found.why, found.facts) == ("corrected: by_post", {"by_post": True} if now else {})
    assert decide(notice, Said(facts, None), Addressee(7)) == Keep()
