"""Files of templates become versions; the words in use are pinned on each notice, and a bad file stops nothing."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from config.settings import Settings
from domain.lane import Lane
from domain.letters import Facts
from domain.template_source import TemplateSource
from ledger.letters import versions
from ledger.letters.versions import TemplateOrigin, TemplateVersion
from ledger.notices import notices
from ledger.notices.notices import NewNotice
from ledger.reports import reports, stories
from worker.delivery.deliver import Lease, claim_and_compose
from worker.services.bootstrap import Services
from worker.services.shared import TEMPLATES
from worker.upkeep import template_files

OA = "4024926008133882615"
NOW = datetime.now(UTC)
NEW = "Hồ sơ {{ code }} đã được tiếp nhận tại {{ place }}."


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The templates' files of this test."""
    shutil.copytree(TEMPLATES, tmp_path / "templates", ignore=shutil.ignore_patterns("console", "poster"))
    monkeypatch.setattr(template_files, "TEMPLATES", tmp_path / "templates")
    template_files._known_bad.clear()
    return tmp_path / "templates"


@pytest.fixture
def services(ledger_url: str, redis_url: str) -> Iterator[Services]:
    made = made_with(ledger_url, redis_url)
    yield made
    made.close()


def made_with(ledger_url: str, redis_url: str, approval: str = "one") -> Services:
    given = {"database_url": ledger_url, "redis_url": redis_url, "secret_keys": ["0123456789abcdef"]}
    settings = Settings(_env_file=None, zalo_oa_id=OA, template_approval=approval, **given)  # type: ignore[call-arg, arg-type]
    return Services(settings)


def edit(folder: Path, message: str, kind: str = "accepted") -> None:
    (folder / kind / "message.txt.j2").write_text(message, "utf-8")


def all_of(ledger: Engine, kind: str = "accepted") -> list[TemplateVersion]:
    with ledger.connect() as connection:
        return versions.listed(connection, OA, kind)


def told(services: Services, ledger: Engine, code: str) -> str:
    """A notice of this dossier is recorded and claimed; its text."""
    with ledger.begin() as tx:
        notices.record(tx, OA, [NewNotice(f"{code}/accepted/1", code, "accepted", "H27", {}, None, "x", NOW, NOW)])
    services.letters._look_at = 0.0
    [letter] = claim_and_compose(services, Lane.SERVICE, Lease.begin(services), 10)
    return letter.text or ""


def test_what_was_shipped_is_version_1_and_a_changed_file_the_next_one(
    services: Services, ledger: Engine, folder: Path
) -> None:
    """Each text is proposed once, and with one person it is used at once; the audit says so."""
    template_files.look_at_files([services])
    [first] = all_of(ledger)
    assert (first.version, first.origin, first.source) == (
        1,
        TemplateOrigin.SHIPPED,
        services.shared.shipped["accepted"],
    )
    edit(folder, NEW)
    for _ in range(2):
        template_files.look_at_files([services])
    assert [(one.version, one.state) for one in all_of(ledger)] == [(2, "in_use"), (1, "approved")]
    edit(folder, first.message)
    template_files.look_at_files([services])
    assert len(all_of(ledger)) == 2
    with ledger.connect() as connection:
        assert list(connection.execute(text("SELECT verb || ' ' || subject FROM audit ORDER BY id")).scalars()) == [
            "template propose accepted 2", "template approve accepted 2",
        ]  # fmt: skip


def test_where_two_persons_are_needed_a_changed_file_waits(
    ledger_url: str, redis_url: str, ledger: Engine, folder: Path
) -> None:
    """It is a proposal; the words in use stay."""
    services = made_with(ledger_url, redis_url, "two")
    edit(folder, NEW)
    template_files.look_at_files([services])
    assert [(one.version, one.state) for one in all_of(ledger)] == [(2, "proposed"), (1, "in_use")]
    services.close()


def test_a_release_with_other_words_does_not_replace_those_that_somebody_chose(
    services: Services, ledger: Engine, folder: Path
) -> None:
    """The words that came with a release wait for approval, unless those of the release before are in use."""
    template_files.look_at_files([services])
    with ledger.begin() as tx:
        made = versions.propose(
            tx, OA, "accepted", TemplateSource(NEW), origin=TemplateOrigin.CONSOLE, by="Lan", why="x"
        )
        versions.use(tx, OA, "accepted", made.version, by="Lan")
    shipped = services.shared.shipped["accepted"]
    later = TemplateSource("Hồ sơ {{ code }} đã tiếp nhận.\n", shipped.form)
    services.shared.shipped = {**services.shared.shipped, "accepted": later, "withdrawn": later}
    edit(folder, later.message)
    shutil.copy(folder / "accepted" / "message.txt.j2", folder / "withdrawn" / "message.txt.j2")
    shutil.copy(folder / "accepted" / "zns.toml", folder / "withdrawn" / "zns.toml")
    template_files.look_at_files([services])
    assert [(one.version, one.state) for one in all_of(ledger)][:2] == [(3, "proposed"), (2, "in_use")]
    assert [(one.version, one.state) for one in all_of(ledger, "withdrawn")][:2] == [(2, "in_use"), (1, "approved")]


def test_a_file_that_becomes_bad_while_notices_go_is_said_once_and_the_last_good_words_stay(
    services: Services, ledger: Engine, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The words in use are in the ledger: nothing that happens to a file reaches a notice."""
    edit(folder, NEW)
    template_files.look_at_files([services])
    assert told(services, ledger, "H27-1") == "Hồ sơ H27-1 đã được tiếp nhận tại tỉnh Hà Tĩnh."
    file = folder / "accepted" / "message.txt.j2"
    caplog.set_level(logging.ERROR)
    for number, bad in enumerate((b"{{ code", b"{{ name }}", b"\xff\xfe", None), 2):
        file.unlink() if bad is None else file.write_bytes(bad)
        caplog.clear()
        for _ in range(2):
            template_files.look_at_files([services])
        assert told(services, ledger, f"H27-{number}") == f"Hồ sơ H27-{number} đã được tiếp nhận tại tỉnh Hà Tĩnh."
        [line] = caplog.messages
        assert line.startswith(f"a template's file is bad, the version in use stays oa={OA} kind=accepted why=")
    assert len(all_of(ledger)) == 2


def test_the_version_is_pinned_on_the_notice_and_shown_after_the_text_is_gone(
    services: Services, ledger: Engine, folder: Path
) -> None:
    """Each notice says by which words it was told, whatever is in use today."""
    assert told(services, ledger, "H27-1").startswith("Hệ thống giải quyết TTHC")
    edit(folder, NEW)
    template_files.look_at_files([services])
    told(services, ledger, "H27-2")
    with ledger.begin() as tx:
        tx.execute(text("UPDATE notices SET text = NULL"))
        assert [reports.dossier(tx, OA, code)[0]["template_version"] for code in ("H27-1", "H27-2")] == [1, 2]
        assert stories.story(tx, [OA], "H27-2")[0]["template_version"] == 2


def test_words_that_do_not_work_for_a_notice_are_replaced_by_the_ones_before_and_it_is_logged(
    services: Services, ledger: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    """A template never stops the flow, even one that came into the ledger by another way than a deed."""
    template_files.look_at_files([services])
    with ledger.begin() as tx:
        for message in (NEW, "{{ code }} hẹn {{ appointment }}", "{% if"):
            source = TemplateSource(message, "bad =")
            made = versions.propose(tx, OA, "accepted", source, origin=TemplateOrigin.COMMAND, by="Lan", why="x")
            versions.use(tx, OA, "accepted", made.version, by="Lan")
        services.letters.refresh(tx, now=True)
    assert services.letters.version("accepted") == 4
    assert services.letters.told("accepted", Facts("H27-1"))[1] == 2
    assert services.letters.form("accepted").params
    assert "a template does not work, an earlier one is used" in caplog.text
    assert "H27-1" not in caplog.text


def test_a_trial_is_told_word_for_word_with_the_payment_link_of_its_sample(services: Services, ledger: Engine) -> None:
    """It is a notice to a follower; the link of the sample is ours."""
    sample = services.letters.text("fee_requested", services.sample("fee_requested"))
    with ledger.begin() as tx:
        query = "INSERT INTO followers (oa, user_id, follows) VALUES (:oa, '1', true) RETURNING id"
        follower = tx.execute(text(query), {"oa": OA}).scalar_one()
        facts = {"trial": {"kind": "fee_requested", "text": sample}}
        new = NewNotice("staff-1/template_trial/1", "staff-1", "template_trial", None, facts, None, None, NOW, NOW)
        notices.record(tx, OA, [replace(new, follower_id=follower)])
    [letter] = claim_and_compose(services, Lane.SERVICE, Lease.begin(services), 10)
    assert (letter.text, letter.fault) == (sample, None)
    assert "mahoso=H27.37-240219-1001" in sample
