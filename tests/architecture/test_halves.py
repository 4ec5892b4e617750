"""What review forgets: every kind has its folder, every queue its consumer, every setting its lines."""

from __future__ import annotations

import ast
import re
import unicodedata

import pytest
from dotenv import dotenv_values

from config.celeryconfig import QUEUES, ROUTES, celery_settings
from config.channels import CHANNEL_FACTS
from config.settings import ROOT, Settings, variable
from coordination.beat import BoundedScheduler
from domain.kinds import KINDS, RANK
from domain.letters import Letters
from domain.lifecycle import BLOCKING, FINISHED, LIVE, State, leads_to
from operators.processes import procfile
from worker.channels import CHANNELS
from worker.channels.zalo.codes import TABLES
from worker.services.shared import TEMPLATES

SOURCES = [
    path
    for room in ("config", "domain", "ledger", "coordination", "ground", "producers", "worker", "operators", "sandbox")
    for path in (ROOT / room).rglob("*.py")
]
VARIABLES = {variable(field) for field in Settings.model_fields}


def test_every_kind_has_words_and_a_sample() -> None:
    """To add a kind is a row and a folder: neither half alone."""
    folders = {path.parent.name for path in TEMPLATES.glob("*/message.txt.j2")}
    assert folders == {kind.name for kind in KINDS}
    assert Letters(TEMPLATES).check() == []
    assert len(set(RANK.values())) == len(KINDS)


REQUIREMENTS = [*range(1, 16), *range(19, 23), 39, 40]


@pytest.mark.parametrize("number", REQUIREMENTS)
def test_every_rule_of_the_domain_has_a_test_named_after_it(number: int) -> None:
    """R1 to R15, R19 to R22, R39, R40: what a rule promises can be read, and seen kept."""
    tests = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    assert re.search(rf"def test_r{number}_", tests)


def test_every_reminder_follows_a_kind_and_every_rule_speaks_of_its_own() -> None:
    """A kind has a rule of its name, so that table, rule and folder are found by one word."""
    for kind in KINDS:
        assert kind.rule is None or kind.rule.__name__ == kind.name  # type: ignore[attr-defined]
        assert kind.follows is None or kind.follows in RANK


def test_every_channel_has_its_facts_and_says_its_own_name() -> None:
    """A channel is a room with its row, and its facts; what carries one-time codes says so in both."""
    assert {name: row.name for name, row in CHANNELS.items()} == {name: name for name in CHANNEL_FACTS}
    codes = {name for name, facts in CHANNEL_FACTS.items() if facts.codes_if}
    assert codes == {name for name, row in CHANNELS.items() if row.code_conditions is not None}


def test_nobody_but_its_room_names_a_channel_or_a_code_of_zalo() -> None:
    """To add a channel, no other file is touched; defaults and the demo choose among those that there are."""
    codes = {code for table in TABLES.values() for code in table}
    namers = set()
    for path in SOURCES:
        name = path.relative_to(ROOT).as_posix()
        if not name.startswith(("sandbox/", "ledger/migrations/", "worker/channels/zalo/")):
            nodes = list(ast.walk(ast.parse(path.read_text())))
            words = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
            minus = {ast.unparse(node) for node in nodes if isinstance(node, ast.UnaryOp)}
            if words & {"zalo_cs", "zalo_template", "zns"} or minus & set(map(str, codes)):
                namers.add(name)
    assert namers == {
        "config/channels.py",
        "config/settings.py",
        "operators/cli/demo.py",
        "worker/channels/__init__.py",
    }


def test_every_task_has_a_queue_and_every_queue_a_consumer() -> None:
    """A task on a queue that nobody consumes would be silence (GOV.UK Notify has this test, too)."""
    named = {match for path in SOURCES for match in re.findall(r'shared_task\(name="([^"]+)"', path.read_text())}
    assert named == set(ROUTES)
    assert set(ROUTES.values()) == set(QUEUES)
    assert "-Q" not in procfile()["worker"], "the worker consumes every queue of task_queues"


def test_beat_rings_known_tasks_and_no_ring_piles_up() -> None:
    """Every ring expires, but not before hosts whose clocks differ by minutes have heard it; and beat looks first."""
    conf = celery_settings(Settings(_env_file=None))  # type: ignore[call-arg]
    for entry in conf["beat_schedule"].values():
        assert entry["task"] in ROUTES
        assert 540 <= entry["options"]["expires"] <= 3600
    assert conf["beat_scheduler"] == f"{BoundedScheduler.__module__}:{BoundedScheduler.__name__}"


def test_no_task_outlives_the_visibility_timeout() -> None:
    """Incident 4: a message that runs longer than the broker's patience is delivered twice."""
    conf = celery_settings(Settings(_env_file=None))  # type: ignore[call-arg]
    assert conf["task_soft_time_limit"] < conf["task_time_limit"]
    assert conf["task_time_limit"] < conf["broker_transport_options"]["visibility_timeout"]


def test_page_example_and_settings_name_the_same_variables() -> None:
    """A setting that is not documented does not exist for those who run this."""
    page = (ROOT / "docs" / "reference" / "settings.md").read_text()
    assert set(re.findall(r"^\| `(HCC_\w+)` \|", page, re.MULTILINE)) == VARIABLES
    assert set(dotenv_values(ROOT / ".env.example")) == VARIABLES


def test_the_example_shows_the_defaults() -> None:
    """What `.env.example` says is what happens without it."""
    shown = {name: value for name, value in dotenv_values(ROOT / ".env.example").items() if value}
    given = Settings.model_validate({name.removeprefix("HCC_").lower(): value for name, value in shown.items()})
    assert given == Settings(_env_file=None)  # type: ignore[call-arg]


def test_every_state_has_its_arrows_and_the_groups_hang_together() -> None:
    """§3: what is finished leads to receipts only; what was not told may be true again, or be wanted by an operator."""
    assert {state for state in State if not leads_to(state)} <= FINISHED
    assert BLOCKING < LIVE
    assert all(leads_to(state) for state in LIVE)
    back = {State.SUPPRESSED: {State.WAITING}, State.EXPIRED: {State.DUE, State.SUPPRESSED}}
    for state in FINISHED:
        assert leads_to(state) <= back.get(state, {State.DELIVERED, State.SEEN})


def test_a_transaction_never_spans_the_network_but_for_the_token() -> None:
    """Incident 6: only the token refresh may hold a transaction over a call."""
    spanning = []
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.With) and any(".begin()" in ast.unparse(item.context_expr) for item in node.items):
                body = "\n".join(ast.unparse(line) for line in node.body)
                if re.search(r"\bask\(|\.exchange\(|\.send\(|\.start\(", body):
                    spanning.append(path.relative_to(ROOT).as_posix())
    assert spanning == ["worker/channels/zalo/tokens.py"]


@pytest.mark.parametrize("word", ["Hành chính công"])
def test_the_account_has_one_name(word: str) -> None:
    """R26: the Official Account is called the same wherever it is called at all."""
    places = [*SOURCES, ROOT / "README.md", *(ROOT / "sandbox").rglob("*.html")]
    names = {match for path in places for match in re.findall(rf"{word} tỉnh \w+ \w+", path.read_text())}
    assert names == {"Hành chính công tỉnh Hà Tĩnh"}


def test_every_text_is_composed_unicode() -> None:
    """R25: Vietnamese is written in NFC everywhere."""
    for path in [*SOURCES, *TEMPLATES.rglob("*.*"), ROOT / "README.md", ROOT / ".env.example"]:
        assert unicodedata.is_normalized("NFC", path.read_text()), path


def test_the_page_of_states_shows_every_arrow_and_no_other() -> None:
    """docs/states.md is what operators read; it is the table of the domain."""
    page = (ROOT / "docs" / "states.md").read_text()
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", page, re.MULTILINE))
    assert {state: set(re.findall(r"`(\w+)`", arrows)) for state, arrows in rows.items()} == {
        state.value: {after.value for after in leads_to(state)} for state in State
    }
