"""A source that is another database than yesterday's is not read on before somebody has said what it is."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from ledger.source import sources
from producers.dossiers import identity
from producers.dossiers.identity import StrangeSource, difference, identify, shapes
from producers.dossiers.source import Source
from sandbox.dossiers.living import LivingDossiers
from sandbox.servers import Servers
from tests.producers.dossiers.conftest import OA, World

KNOWN = {"system": "7/16384", "address": "a:5432/hoso", "shapes": {"history": ["ho_so", "id=q.id"]}}


@pytest.mark.parametrize(
    ("change", "another"),
    [
        ({}, False),
        ({"address": "b:5432/hoso"}, False),  # a standby took over, or the server moved
        ({"system": "8/16384"}, True),
        ({"system": "7/16399"}, True),  # dropped and made anew on the same server
        ({"system": None}, False),  # the right to ask was taken away: address decides, and is the same
        ({"system": None, "address": "b:5432/hoso"}, True),
        ({"shapes": {"history": ["ho_so", "id=q.so"]}}, True),
        ({"shapes": {"history": ["ho_so_moi", "id=q.id"]}}, True),
        ({"shapes": {**KNOWN["shapes"], "payments": ["phi", "id=p.id"]}}, False),  # type: ignore[dict-item]  # JSON
    ],
)
def test_what_makes_another_database(change: dict[str, object], *, another: bool) -> None:
    """The system identifier, else the address; and the tables and keys of the queries that both know."""
    assert (difference(KNOWN, {**KNOWN, **change}) is not None) is another


def test_the_tables_and_keys_of_a_mapping_are_read_from_its_sql(world: World) -> None:
    """Comments, names of parts of a query and blanks make no difference."""
    found = shapes(world.mapping, "postgresql")
    assert found["history"] == ["ho_so", "qua_trinh_xu_ly", "code=h.ma_ho_so", "id=q.id"]
    columns = world.mapping.columns.model_copy(
        update={"dossier": world.mapping.columns.dossier.upper() + " -- FROM x\n"}
    )
    lower = {name: [part.casefold() for part in parts] for name, parts in found.items()}
    assert shapes(world.mapping.model_copy(update={"columns": columns}), "postgresql") == lower


@pytest.fixture
def other(world: World, servers: Servers) -> Iterator[LivingDossiers]:
    """Another dossier database on the same server; it holds one dossier already."""
    servers.create_database("another_source")
    dossiers = LivingDossiers(servers.database_url("another_source"))
    yield dossiers
    dossiers.close()
    for source in world.sources:
        source.close()
    servers.drop_database("another_source")


def moved_to(world: World, other: LivingDossiers) -> World:
    """The same world, whose address leads to the other database now."""
    url = other.engine.url.render_as_string(hide_password=False)
    return replace(world, url=url, dossiers=other)


def test_another_database_is_not_read_and_that_is_said_once_in_the_log(
    world: World, other: LivingDossiers, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither by the feeds nor by the slow pass; each says why to who asks for a round."""
    world.started()
    there = moved_to(world, other)
    poller = there.poller()
    there.accept("H27.37-260301-0001")
    with caplog.at_level(logging.ERROR, "hcc.producers"):
        for go in (poller.round, poller.reconcile, poller.remind, poller.round):
            with pytest.raises(StrangeSource, match="hcc source adopt"):
                go()
    assert [record.getMessage() for record in caplog.records] == [
        f"the dossier database is another one, not read on before `hcc source adopt` oa={OA}"
    ]
    assert there.told() == []
    world.accept("H27.37-260301-0002")
    world.poller().round()
    assert world.told() == ["H27.37-260301-0002/accepted/1"], "the one that we know is read on once it is there again"
    with world.ledger.connect() as connection:
        assert sources.read(connection, OA).strange is None


def adopt(world: World, *, as_baseline: bool) -> None:
    """What `hcc source adopt` does."""
    source = Source(world.url, world.mapping)
    world.sources.append(source)
    identity.adopt(world.ledger, OA, identify(source), as_baseline=as_baseline)


def test_adopted_as_a_baseline_it_is_remembered_and_only_what_is_new_is_told(
    world: World, other: LivingDossiers
) -> None:
    """Also where everything was to be told at the very first start."""
    world.poller(start_from="beginning").round()
    there = moved_to(world, other)
    there.accept("H27.37-260301-0001")
    adopt(there, as_baseline=True)
    poller = there.poller(start_from="beginning")
    poller.round()
    assert there.told() == []
    there.now += timedelta(minutes=1)
    there.accept("H27.37-260301-0002")
    poller.round()
    assert there.told() == ["H27.37-260301-0002/accepted/1"]


def test_adopted_as_the_same_it_is_read_on_where_the_other_ended(world: World, other: LivingDossiers) -> None:
    """A copy by dump and restore has another identifier, and the same rows."""
    world.started()
    there = moved_to(world, other)
    adopt(there, as_baseline=False)
    there.accept("H27.37-260301-0001")
    there.poller().round()
    assert there.told() == ["H27.37-260301-0001/accepted/1"]


def test_the_first_round_after_an_upgrade_notes_which_database_it_is(world: World) -> None:
    """Nothing was noted by the version before, and nothing is asked of anybody."""
    poller = world.started()
    with world.ledger.begin() as tx:
        tx.exec_driver_sql("DELETE FROM sources")
    world.accept("H27.37-260301-0001")
    poller.round()
    assert world.told() == ["H27.37-260301-0001/accepted/1"]
    with world.ledger.connect() as connection:
        noted = sources.read(connection, OA).identity
    assert noted is not None
    assert noted["system"]
