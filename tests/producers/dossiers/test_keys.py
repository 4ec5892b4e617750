"""Tables whose keys do not increase: GUIDs and texts, with a history and payments, on every engine that we run."""

from __future__ import annotations

import itertools
import tomllib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, text

from ledger.base.sealing import Sealer
from ledger.people.people import People
from producers.dossiers.mapping import SOURCES, Mapping
from producers.dossiers.poll import Poller
from producers.dossiers.source import Source
from sandbox.servers import Servers
from tests.producers.dossiers.conftest import MORNING, OA
from tests.producers.dossiers.mariadb import ABSENT, mariadb

CODE = "000.00.37.H27-240219-0001"
SCHEMA = (Path(__file__).parent / "mot-cua.sql").read_text("utf-8")
HISTORY = """
CREATE TABLE LichSu (Khoa varchar(60) PRIMARY KEY, SoHoSo varchar(50), TinhTrang varchar(60), Luc timestamp NULL);
CREATE INDEX LichSu_Luc ON LichSu (Luc)
"""
HISTORY_BY_TIME = """
WITH q AS (SELECT * FROM LichSu WHERE Luc >= :since ORDER BY Luc {limit})
SELECT q.Khoa AS id, q.Luc AS at, q.Luc AS changed_at, q.TinhTrang AS change_status, {dossier}
FROM q LEFT JOIN HoSo h ON h.SoHoSo = q.SoHoSo ORDER BY q.Luc
"""
BY_KEY = """
WITH p AS (SELECT * FROM PhieuThu WHERE PhieuThuId > :after ORDER BY PhieuThuId {limit})
SELECT {payment}, {dossier} FROM p LEFT JOIN HoSo h ON h.SoHoSo = p.SoHoSo ORDER BY p.PhieuThuId
"""
NEWEST = """
SELECT l.n AS history, p.n AS payment_changes, h.n AS snapshot
FROM (SELECT max(Luc) AS n FROM LichSu) l CROSS JOIN (SELECT max(NgaySua) AS n FROM PhieuThu) p
CROSS JOIN (SELECT max(NgaySua) AS n FROM HoSo) h
"""
TYPES = {"postgresql": {"guid": "uuid", "text": "varchar(60)"}}
ENGINES = ["sqlite", "postgresql", pytest.param("mysql", marks=pytest.mark.skipif(bool(ABSENT), reason=ABSENT))]
_numbers = itertools.count(1)


def keyed_mapping(key: str, **feeds: Any) -> dict[str, Any]:
    """The mapping `mot-cua` for a source whose tables have such keys."""
    mapping: dict[str, Any] = tomllib.loads((SOURCES / "mot-cua.toml").read_text("utf-8"))
    mapping["keys"] = {"history": key, "payments": key}
    mapping["limits"] |= {"page": 3, "baseline_page": 3}
    del mapping["feeds"]["payments"]
    mapping["feeds"] |= {"history": HISTORY_BY_TIME, **feeds}
    mapping["baseline"] |= {"newest": NEWEST, "payments": BY_KEY}
    return mapping


@dataclass
class Office:
    """A database with such keys, and a poller between it and a ledger."""

    key: str
    engine: Engine
    ledger: Engine
    poller: Poller

    def run(self, statement: str, **values: object) -> None:
        with self.engine.begin() as tx:
            tx.execute(text(statement), values)

    def new_key(self, number: int) -> str:
        """A key that says nothing of when it was made: the larger the number, the smaller the key."""
        return str(uuid.UUID(int=2**120 - number)) if self.key == "guid" else f"PT-{999 - number}/A"

    def take_in(self, code: str, at: datetime = MORNING) -> None:
        self.run(
            """INSERT INTO HoSo (SoHoSo, TinhTrang, HinhThucNop, NguonDuLieu, DienThoaiNguoiNop, NgayNhan, NgaySua)
               VALUES (:code, 'Đã tiếp nhận', 'Trực tuyến', 'Cổng', '0978362918', :at, :at)""", code=code, at=at,
        )  # fmt: skip

    def step(self, number: int, code: str, status: str, at: datetime) -> None:
        """A step that leaves a row of the history, and does not touch the dossier's change time."""
        self.run(
            "UPDATE HoSo SET TinhTrang = :status, DaXacNhanKetQua = 1 WHERE SoHoSo = :code", status=status, code=code
        )
        self.run(
            "INSERT INTO LichSu (Khoa, SoHoSo, TinhTrang, Luc) VALUES (:key, :code, :status, :at)",
            key=self.new_key(number), code=code, status=status, at=at,
        )  # fmt: skip

    def charge(self, number: int, code: str, at: datetime, state: str = "Đã gửi công dân") -> None:
        self.run(
            """INSERT INTO PhieuThu (PhieuThuId, SoHoSo, TongTien, TinhTrang, CachThu, NgayLap, NgaySua)
               VALUES (:key, :code, 150000, :state, 'Trực tuyến', :at, :at)""",
            key=self.new_key(number), code=code, state=state, at=at,
        )  # fmt: skip

    def states(self) -> dict[str, str]:
        """The state of each notice, by event key."""
        with self.ledger.connect() as connection:
            return {row.event_key: row.state for row in connection.execute(text("SELECT * FROM notices"))}

    def kinds(self) -> list[str]:
        return sorted(key.split("/")[1] for key in self.states())


@pytest.fixture(scope="session")
def maria() -> Iterator[str]:
    with mariadb() as url:
        yield url


@pytest.fixture(params=ENGINES)
def place(request: pytest.FixtureRequest, servers: Servers, tmp_path: Path) -> tuple[str, str]:
    """An empty database of each engine."""
    name = f"keys_{next(_numbers)}"
    if request.param == "sqlite":
        return "sqlite", f"sqlite:///{tmp_path}/{name}.db"
    if request.param == "postgresql":
        servers.create_database(name)
        request.addfinalizer(lambda: servers.drop_database(name))  # noqa: PT021 (one engine of several)
        return "postgresql", servers.database_url(name)
    server: str = request.getfixturevalue("maria")
    maker = create_engine(f"{server}/mysql")
    with maker.begin() as tx:
        tx.exec_driver_sql(f"CREATE DATABASE {name}")
    maker.dispose()
    return "mysql", f"{server}/{name}"


@pytest.fixture(params=["guid", "text"])
def office(request: pytest.FixtureRequest, place: tuple[str, str], ledger: Engine) -> Iterator[Office]:
    """The office with keys of each sort on each engine."""
    product, url = place
    key_type = TYPES.get(product, {}).get(request.param, "varchar(60)")
    schema = f"{SCHEMA}{HISTORY}".replace("PhieuThuId bigint", f"PhieuThuId {key_type}")
    schema = schema.replace("timestamp", "datetime(6)") if product == "mysql" else schema
    schema = schema.replace("Khoa varchar(60)", f"Khoa {key_type}")
    engine = create_engine(url)
    with engine.begin() as tx:
        for statement in filter(str.strip, schema.split(";")):
            tx.exec_driver_sql(statement)
    mapping = Mapping.model_validate(keyed_mapping(request.param))
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
    yield Office(request.param, engine, ledger, poller)
    source.close()
    engine.dispose()


def test_what_was_there_is_baseline_page_by_page(office: Office) -> None:
    """Eight old fees, pages of three: none is told by any feed or pass."""
    office.take_in(CODE)
    for number in range(8):
        office.charge(number, CODE, MORNING)
    office.poller.round()
    office.poller.round()
    office.poller.reconcile(whole=True)
    assert office.states() == {}


def test_news_are_found_by_their_times_whatever_their_keys(office: Office) -> None:
    """Each new key is smaller than all before it; a step is in the history alone."""
    office.take_in("OLD")
    office.charge(1, "OLD", MORNING)
    office.poller.round()
    later = MORNING + timedelta(minutes=1)
    office.take_in(CODE, later)
    office.charge(2, CODE, later)
    office.poller.round()
    assert office.kinds() == ["accepted", "fee_requested"]
    office.step(3, CODE, "Đã có kết quả", later + timedelta(minutes=1))
    office.charge(4, CODE, later + timedelta(minutes=2))
    office.poller.round()
    office.poller.round()
    office.poller.reconcile(whole=True)
    assert office.kinds() == ["accepted", "fee_requested", "fee_requested", "result_ready"]


def test_a_fee_by_such_a_key_is_withdrawn_when_it_is_paid(office: Office) -> None:
    """The key means the same to every query, in any case of its letters."""
    office.poller.round()
    office.take_in(CODE)
    office.charge(1, CODE, MORNING)
    office.poller.round()
    now = datetime.now(UTC).replace(tzinfo=None) + timedelta(hours=7)
    office.run("UPDATE PhieuThu SET TinhTrang = 'Đã thu', NgaySua = :at", at=now)
    office.poller.round()
    [fee] = [state for key, state in office.states().items() if "/fee_requested/" in key]
    assert fee == "suppressed"


def test_open_payments_that_no_time_tells_of_are_found_by_the_reconcile(office: Office) -> None:
    """A writer that leaves the change time empty: the pass goes by key, page by page."""
    office.take_in(CODE)
    office.poller.round()
    for number in range(7):
        office.charge(number, CODE, MORNING)
    office.run("UPDATE PhieuThu SET NgaySua = NULL")
    office.poller.round()
    office.poller.reconcile(whole=True)
    assert office.kinds() == ["fee_requested"] * 7


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"feeds": {"payment_changes": None}}, "cần feeds.payment_changes và baseline.payments"),
        ({"baseline": {"payments": None}}, "cần feeds.payment_changes và baseline.payments"),
        ({"feeds": {"payments": BY_KEY}}, "feeds.payments: xóa đi"),
        ({"kinds": {"fee_reminder": True}}, "kinds.fee_reminder: tắt đi"),
        ({"keys": {"payments": "number"}}, "baseline.payments: xóa đi"),
        ({"feeds": {"history": "SELECT 1 WHERE 1 > :after AND 1 IN :missing"}}, "thiếu tham số :since"),
    ],
)
def test_a_mapping_that_cannot_work_with_such_keys_is_told_what_to_do(change: dict[str, Any], told: str) -> None:
    """What the file must have is said before anything is read."""
    mapping = keyed_mapping("guid")
    for table, entries in change.items():
        mapping[table] = {key: one for key, one in (mapping.get(table, {}) | entries).items() if one is not None}
    with pytest.raises(ValueError, match=told.replace(".", r"\.")):
        Mapping.model_validate(mapping)
