"""Another province, other engines: the mapping `mot-cua` end to end on SQLite, PostgreSQL and MariaDB."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.dialects import mssql, mysql, oracle, postgresql, sqlite
from sqlalchemy.exc import DBAPIError

from ledger.base.sealing import Sealer
from ledger.people.people import People
from producers.dossiers.mapping import load_mapping
from producers.dossiers.poll import Poller
from producers.dossiers.queries import QUERIES
from producers.dossiers.source import Source, SourceError
from sandbox.servers import Servers
from tests.producers.dossiers.conftest import MORNING, OA
from tests.producers.dossiers.mariadb import ABSENT, mariadb

SCHEMA = (Path(__file__).parent / "mot-cua.sql").read_text("utf-8")
CODE = "000.00.37.H27-240219-0001"
MINUTE = timedelta(minutes=1)
_numbers = itertools.count(1)
ENGINES = [
    "sqlite",
    "postgresql",
    pytest.param("mysql", marks=pytest.mark.skipif(bool(ABSENT), reason=ABSENT)),
]
DIALECTS = {
    "postgresql": postgresql.dialect,
    "sqlite": sqlite.dialect,
    "mysql": mysql.dialect,
    "mssql": mssql.dialect,
    "oracle": oracle.dialect,
}
FETCHES = ("mssql", "oracle")


@dataclass
class Desk:
    """The one-stop desk of another province: its database, and a poller between it and a ledger."""

    url: str
    engine: Engine
    source: Source
    poller: Poller
    ledger: Engine

    def run(self, statement: str, **values: object) -> None:
        with self.engine.begin() as tx:
            tx.execute(text(statement), values)

    def take_in(self, code: str, status: str = "Đã tiếp nhận", *, at: datetime = MORNING, **columns: object) -> None:
        """A dossier filed online and accepted."""
        row = {"SoHoSo": code, "DonVi": "000.00.37.H27", "TinhTrang": status, "HinhThucNop": "Trực tuyến"}
        row |= {"NguonDuLieu": "Cổng", "DienThoaiNguoiNop": "0978362918", "NgayNhan": at, "NgaySua": at} | columns
        names = ", ".join(row)
        self.run(f"INSERT INTO HoSo ({names}) VALUES ({', '.join(f':{name}' for name in row)})", **row)

    def move(self, code: str, status: str, *, at: datetime | None) -> None:
        """Another status; without a time the writer does not touch the change time."""
        touched = ", NgaySua = :at" if at else ""
        self.run(f"UPDATE HoSo SET TinhTrang = :status{touched} WHERE SoHoSo = :code", status=status, at=at, code=code)

    def charge(self, number: int, code: str, state: str = "Đã gửi công dân", *, at: datetime = MORNING) -> None:
        self.run(
            """INSERT INTO PhieuThu (PhieuThuId, SoHoSo, TongTien, TinhTrang, CachThu, NgayLap, NgaySua)
               VALUES (:number, :code, 150000, :state, 'Trực tuyến', :at, :at)""",
            number=number, code=code, state=state, at=at,
        )  # fmt: skip

    def told(self) -> list[str]:
        with self.ledger.connect() as connection:
            return list(connection.execute(text("SELECT event_key FROM notices ORDER BY event_at, rank")).scalars())


@pytest.fixture(scope="session")
def maria() -> Iterator[str]:
    with mariadb() as url:
        yield url


@pytest.fixture
def place(request: pytest.FixtureRequest, servers: Servers, tmp_path: Path) -> Callable[[str], str]:
    """An empty database of an engine; its URL."""

    def empty(engine: str) -> str:
        name = f"mot_cua_{next(_numbers)}"
        if engine == "sqlite":
            return f"sqlite:///{tmp_path}/{name}.db"
        if engine == "postgresql":
            servers.create_database(name)
            request.addfinalizer(lambda: servers.drop_database(name))
            return servers.database_url(name)
        server: str = request.getfixturevalue("maria")
        maker = create_engine(f"{server}/mysql")
        with maker.begin() as tx:
            tx.exec_driver_sql(f"CREATE DATABASE {name}")
        maker.dispose()
        return f"{server}/{name}"

    return empty


@pytest.fixture(params=ENGINES)
def desk(request: pytest.FixtureRequest, place: Callable[[str], str], ledger: Engine) -> Iterator[Desk]:
    """The desk on each engine."""
    url = place(request.param)
    schema = SCHEMA.replace("timestamp", "datetime(6)") if request.param == "mysql" else SCHEMA
    engine = create_engine(url)
    with engine.begin() as tx:
        for statement in filter(str.strip, schema.split(";")):
            tx.exec_driver_sql(statement)
    mapping = load_mapping("mot-cua")
    source = Source(url, mapping)
    poller = Poller(
        oa=OA,
        ledger=ledger,
        people=People.of(ledger, Sealer(["a-key-for-tests-only-0123456789"])),
        source=source,
        mapping=mapping,
        start_from="now",
        ring=lambda: None,
    )
    yield Desk(url, engine, source, poller, ledger)
    source.close()
    engine.dispose()


def test_a_province_without_a_history_is_told_everything_once(desk: Desk) -> None:
    """Old dossiers are baseline; then a life: accepted, a fee, a result; nothing twice, in the order of events."""
    desk.take_in("OLD-1", "Đã có kết quả", DaXacNhanKetQua=1)
    desk.charge(1, "OLD-1", "Đã thu")
    desk.poller.round()
    desk.poller.reconcile(whole=True)
    assert desk.told() == []
    desk.take_in(CODE)
    desk.poller.round()
    desk.charge(2, CODE, at=MORNING + MINUTE)
    desk.poller.round()
    desk.move(CODE, "Đã có kết quả", at=MORNING + 2 * MINUTE)
    desk.poller.round()
    desk.poller.round()
    desk.poller.reconcile(whole=True)
    assert desk.told() == [f"{CODE}/accepted/1", f"{CODE}/fee_requested/2", f"{CODE}/result_ready/1"]


def test_local_times_without_a_zone_are_read_in_the_mappings_zone(desk: Desk) -> None:
    """09:09 in Vietnam is 02:09 UTC on every engine."""
    desk.poller.round()
    desk.take_in(CODE, NgayHen=MORNING + timedelta(days=7))
    desk.poller.round()
    with desk.ledger.connect() as connection:
        [row] = connection.execute(text("SELECT event_at, facts FROM notices")).all()
    assert row.event_at == datetime(2024, 2, 19, 2, 9, tzinfo=UTC)
    assert row.facts == {"appointment_at": "2024-02-26T02:09:00+00:00"}


def test_what_only_the_reconcile_can_see_is_found(desk: Desk) -> None:
    """A status by raw SQL without a change time, and one that closes the dossier at once."""
    desk.take_in("OLD-1", "Đang giải quyết")
    desk.take_in("OLD-2", "Đang giải quyết")
    desk.poller.round()
    desk.poller.reconcile(whole=True)
    desk.move("OLD-1", "Đã có kết quả", at=None)
    desk.move("OLD-2", "Đã trả kết quả", at=None)
    desk.poller.reconcile(whole=True)
    assert sorted(desk.told()) == ["OLD-1/result_ready/1", "OLD-2/result_ready/1"]


def test_imported_and_deleted_rows_and_other_channels_are_told_to_nobody(desk: Desk) -> None:
    """The mapping's filters: converted from the old system, deleted softly, filed at the desk."""
    desk.poller.round()
    desk.take_in("A", NguonDuLieu="Convert")
    desk.take_in("B", NgayXoa=MORNING)
    desk.take_in("C", HinhThucNop="Trực tiếp")
    desk.poller.round()
    desk.poller.reconcile(whole=True)
    assert desk.told() == []


def test_the_first_recipient_with_a_number_is_told(desk: Desk) -> None:
    """Submitter, else authorised, else owner, as the mapping says."""
    desk.poller.round()
    desk.take_in("A", DienThoaiNguoiNop=" ", DienThoaiUyQuyen="0912345678", DienThoaiChuHoSo="0987654321")
    desk.take_in("B", DienThoaiNguoiNop=None, DienThoaiUyQuyen="", DienThoaiChuHoSo="0987654321")
    desk.take_in("C", DienThoaiUyQuyen="0912345678")
    desk.poller.round()
    people = People.of(desk.ledger, Sealer(["a-key-for-tests-only-0123456789"]))
    with desk.ledger.begin() as tx:
        ids = people.ids(tx, OA, ["+84912345678", "+84987654321", "+84978362918"])
        told = dict(tx.execute(text("SELECT code, person_id FROM notices")).all())  # type: ignore[arg-type]
    assert told == {"A": ids["+84912345678"], "B": ids["+84987654321"], "C": ids["+84978362918"]}


def test_missing_payments_are_asked_for_by_a_list_of_any_length(desk: Desk) -> None:
    """Id 2 commits after id 3; the list of missing ids is empty, one long, and empty again."""
    desk.take_in(CODE)
    desk.poller.round()
    desk.charge(3, CODE, "Mới lập")
    desk.poller.round()
    desk.charge(2, CODE, at=MORNING - timedelta(days=9))
    desk.poller.round()
    assert desk.told() == [f"{CODE}/fee_requested/2"]


def test_we_cannot_write_to_any_engine(desk: Desk) -> None:
    """R3: refused by the session, whatever the account may do."""
    desk.take_in(CODE)
    with desk.source.connected() as connection, pytest.raises(DBAPIError):
        connection.execute(text("DELETE FROM HoSo"))
    with desk.engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM HoSo")).scalar_one() == 1


@pytest.mark.parametrize("name", ["reference", "mot-cua"])
@pytest.mark.parametrize("dialect", list(DIALECTS))
def test_every_query_compiles_on_every_engine_that_its_mapping_names(name: str, dialect: str) -> None:
    """Lists of missing ids and codes expand, also empty; the answer is cut short in the engine's own words."""
    mapping = load_mapping(name)
    if dialect not in mapping.connection.dialects:
        with pytest.raises(SourceError, match=r"connection\.dialects"):
            Source(f"{dialect}://host/x", mapping)
        return
    for query in mapping.queries:
        statement = QUERIES[query].statement(mapping.sql(query, dialect), dialect)
        for values in ([], [1, 2, 3]):
            lists = {key: values for key in ("missing", "codes") if key in QUERIES[query].parameters}
            bound = statement.bindparams(**{**QUERIES[query].trial, **lists})
            sql = str(bound.compile(dialect=DIALECTS[dialect](), compile_kwargs={"render_postcompile": True}))
            assert "POSTCOMPILE" not in sql
            assert ("LIMIT" in sql) is (
                dialect in ("postgresql", "sqlite", "mysql") and "limit" in QUERIES[query].trial
            )
            assert ("FETCH" in sql) is (dialect in ("mssql", "oracle") and "limit" in QUERIES[query].trial)


@pytest.mark.parametrize("url", ["mssql://reader@host/x", "oracle://reader@host/x"])
def test_a_missing_driver_is_told_with_the_extra_that_brings_it(url: str) -> None:
    """SQL Server and Oracle are extras."""
    extra = url.partition(":")[0]
    with pytest.raises(SourceError, match=rf"pip install 'hcc-notify\[{extra}\]'"):
        Source(url, load_mapping("reference"))


def test_a_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    """SQLite would make an empty database of any slip of the pen."""
    source = Source(f"sqlite:///{tmp_path}/none.db", load_mapping("mot-cua"))
    with pytest.raises(SourceError, match="không kết nối được"):
        source.newest()
    assert list(tmp_path.iterdir()) == []
