"""A chaos run: real workers, beat and servers, blows at chosen moments, and a verdict on what came of it."""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Self

import pytest
import redis
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from config.settings import Settings
from operators.cli.up import zalo_urls
from operators.processes import Processes
from operators.world import SANDBOX_ZALO
from producers.dossiers.poll import build_poller
from sandbox.dossiers.living import LivingDossiers
from sandbox.servers import Servers
from sandbox.servers.server import Server
from sandbox.zalo.client import SandboxZalo
from worker.bootstrap import Services
from worker.channels.zalo.oauth import pair_of
from worker.ledger.migrate import migrate
from worker.ledger.people import Link

ALL_SETTLED = True
"""Whether every uncertain notice is settled in the end. If not, those may stay, and what waits for them."""

NOTICES = int(os.environ.get("HCC_CHAOS_NOTICES", "240"))
SEED = int(os.environ.get("HCC_CHAOS_SEED", "20240219"))
SHORT = NOTICES < 1000
PATIENCE = 60.0 + NOTICES / 10  # seconds from the last blow until all must be done
SHORT_PATIENCE = 8.0  # seconds after which a short run no longer waits for look-ups: the last comes after 40 s

WORKER = "celery -A worker.app worker -n {name}@%h --concurrency 2 --loglevel INFO --without-gossip --without-mingle"
BEAT = "celery -A worker.app beat --loglevel INFO"
WORKERS = ("first", "second")

MORNING = datetime(2024, 2, 19, 9, 9)  # noqa: DTZ001 (local and naive, as the dossier database keeps it)
KINDS = ("accepted/1", "fee_requested", "result_ready/1")  # each dossier's three events, in their order
_LINK = "https://dichvucong.hatinh.gov.vn/portaldvc/KenhTin/thanh-toan-new.aspx?mahoso={code}"
ACCEPTED = """Hệ thống giải quyết TTHC tỉnh Hà Tĩnh đã tiếp nhận hồ sơ {code}. \
Ngày hẹn trả: sau 9 giờ 9 phút, ngày 26/02/2024"""
FEE = f"""Hệ thống giải quyết TTHC tỉnh Hà Tĩnh yêu cầu thu phí hồ sơ: {{code}}.
Số tiền: 1.000.000.
Vui lòng thanh toán tại địa chỉ: {_LINK}"""
READY = "Hệ thống giải quyết TTHC tỉnh Hà Tĩnh thông báo hồ sơ: {code} đã giải quyết xong."
TEXTS = (ACCEPTED, FEE, READY)
LIVE = ("waiting", "due", "sending", "uncertain")
ACCOUNTED = (*LIVE, "unreachable")  # not told, and everybody can see why

ENVIRONMENT = SANDBOX_ZALO | {
    "HCC_SECRET_KEYS": "a-key-for-tests-only-0123456789",
    "HCC_CHANNELS": "zalo_cs",
    "HCC_POLL_SECONDS": "0.5",
    "HCC_RETRY_BASE_SECONDS": "0.5",
    "HCC_RETRY_CAP_SECONDS": "2",
    "HCC_LEASE_SECONDS": "5",
    "HCC_HTTP_TIMEOUT_SECONDS": "2",
    "HCC_ZALO_RATE_PER_MINUTE": "100000",
}

_FILE = """
INSERT INTO ho_so (ma_ho_so, ma_don_vi, ten_tthc, nguoi_nop, so_dien_thoai_nguoi_nop, trang_thai, trang_thai_tra_kq,
                   loai_ket_qua, ngay_nop, ngay_tiep_nhan, ngay_hen_tra, ngay_ket_thuc_xu_ly, cap_nhat_luc)
VALUES (:code, 'H27.37', 'Thủ tục mẫu', 'Nguyễn Văn Mẫu', :phone, 9, 2, 'Kết quả', :at, :at, :due, :done, :done)
"""
_NOTE = "INSERT INTO qua_trinh_xu_ly (ma_ho_so, trang_thai, thoi_gian) VALUES (:code, :status, :at)"
_FEE = """
INSERT INTO yeu_cau_thanh_toan (ma_ho_so, so_tien, trang_thai, hinh_thuc_thu, ngay_yeu_cau, cap_nhat_luc)
VALUES (:code, 1000000, 'Chờ thanh toán', 'Thu trước', :fee, :fee)
"""
_HELD = """
SELECT count(*) FROM notices n WHERE n.state = 'uncertain' OR (n.state = 'waiting' AND EXISTS (
    SELECT FROM notices e WHERE e.oa = n.oa AND e.code = n.code AND e.state = 'uncertain'
      AND (e.event_at, e.rank, e.id) < (n.event_at, n.rank, n.id)))
"""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a run, judged from what Zalo accepted and from the ledger's states."""

    scenario: str
    seed: int
    notices: int
    accepted: int
    lost: int
    sent_twice: int
    out_of_order: int  # dossiers
    doubted: int  # were uncertain at some time
    uncertain: int  # still are
    held: int  # not told yet otherwise: they wait for an uncertain one of their dossier
    unreachable: int
    recovered_in: float  # seconds from the end of the last blow until nothing was left to do

    def __str__(self) -> str:
        return "chaos " + " ".join(f"{name}={value}" for name, value in asdict(self).items())


@dataclass
class Run:
    """One scenario's world. Each dossier belongs to a person of its own and has three notices."""

    scenario: str
    logs: Path
    latency_ms: int = 150  # long enough for a blow to fall on requests that are on the wire
    notices: int = NOTICES
    stack: ExitStack = field(default_factory=ExitStack)
    fed: list[int] = field(default_factory=list)
    last_blow: float = field(default_factory=time.monotonic)

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._build(stack)
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        for name in self.running:
            with contextlib.suppress(ProcessLookupError):  # ended by itself
                self.kill(name)  # there is nothing left to be orderly about
        self.stack.close()

    def _build(self, stack: ExitStack) -> None:
        self.dice = random.Random(f"{SEED} {self.scenario}")  # noqa: S311 (repeatable misfortune, not a secret)
        self.servers = stack.enter_context(Servers(self.logs / "servers"))
        self.servers.create_database("dossiers")
        self.zalo = stack.enter_context(
            SandboxZalo(
                app_id=SANDBOX_ZALO["HCC_ZALO_APP_ID"],
                app_secret=SANDBOX_ZALO["HCC_ZALO_APP_SECRET"],
                oa_id=SANDBOX_ZALO["HCC_ZALO_OA_ID"],
                everybody_known=True,
                latency_ms=self.latency_ms,
                rate_per_minute=1_000_000,
            )
        )
        self.environment = ENVIRONMENT | {
            **zalo_urls(self.zalo),
            "HCC_DATABASE_URL": self.servers.database_url(),
            "HCC_DOSSIER_URL": self.servers.database_url("dossiers"),
            "HCC_REDIS_URL": self.servers.redis_url(),
        }
        fields = {name.removeprefix("HCC_").lower(): value for name, value in self.environment.items()}
        settings = Settings(_env_file=None, **fields)  # type: ignore[call-arg, arg-type]
        self.dossiers = LivingDossiers(settings.dossier_url)
        stack.callback(self.dossiers.close)
        self.services = Services(settings)
        stack.callback(self.services.close)
        migrate(self.services.ledger)
        oa = settings.zalo_oa_id
        people = [Link(_user(number), f"+{_phone(number)}") for number in range(self.dossier_count)]
        with self.services.ledger.begin() as tx:
            self.services.credentials.store(tx, oa, pair_of(self.zalo.mint_tokens()))
            self.services.people.link(tx, oa, people, source="chaos")
        build_poller(settings).round()  # the baseline
        self.processes = stack.enter_context(Processes((), self.environment, self.logs))
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        for name in (*WORKERS, "beat"):
            self.start(name)

    @property
    def dossier_count(self) -> int:
        return self.notices // len(KINDS)

    # What is done to the world.

    def start(self, name: str) -> None:
        """Start a worker, or a beat (a name that begins so)."""
        command = BEAT if name.startswith("beat") else WORKER.format(name=name)
        self.running[name] = self.processes.start(name, command)

    def kill(self, name: str) -> None:
        """Kill -9 a process with its children, all at once."""
        os.killpg(self.running[name].pid, signal.SIGKILL)
        self.running[name].wait()

    def kill_server(self, server: Server, number: signal.Signals) -> None:
        """End a server by a signal, and start it again on its port."""
        pid = server.pid
        assert pid is not None
        os.kill(pid, number)
        until(lambda: server.pid != pid, f"{server.title} to end")
        server.start()
        self.dossiers.engine.dispose()  # the dossiers' software connects again, too

    def unfollow(self, numbers: list[int]) -> None:
        """These people leave the OA; Zalo knows it, we do not."""
        self.zalo.people([{"user_id": _user(number), "follows": False} for number in numbers])

    def flush(self) -> None:
        """Empty Redis: queues, limiter, marks."""
        with redis.Redis.from_url(self.servers.redis_url()) as client:
            client.flushall()

    def blows(self, number: int, *, at: tuple[float, float] = (0.1, 0.5)) -> Iterator[int]:
        """Feed the load in so many portions; yields within each, when a chosen part of it was accepted.

        After the last blow the rest of the load is there, so that a blow always falls on work.
        """
        per_blow = self.dossier_count // number
        for blow in range(number):
            before = self.progress()
            most = self.dossier_count - len(self.fed) if blow == number - 1 else per_blow
            self.feed(most)
            # Only the first notices of the portion's dossiers are sure to be on their way at once.
            self.reach(before + max(1, int(most * self.dice.uniform(*at))))
            yield blow
            self.last_blow = time.monotonic()

    def feed(self, count: int) -> None:
        """File, accept and finish so many more dossiers with a fee, all in one transaction."""
        numbers = list(itertools.islice(itertools.count(len(self.fed)), count))
        rows = [_dossier(number) for number in numbers]
        with self.dossiers.engine.begin() as tx:
            tx.execute(text(_FILE), rows)
            tx.execute(text(_FEE), rows)
            for status, moment in ((1, "at"), (2, "at"), (9, "done")):
                notes = [{"code": row["code"], "status": status, "at": row[moment]} for row in rows]
                tx.execute(text(_NOTE), notes)
        self.fed += numbers

    # What is seen of it.

    def reach(self, number: int) -> None:
        """Wait until so many notices were accepted or are held up."""
        self.until(lambda: self.progress() >= number, f"{number} notices to get on", 60.0)

    def progress(self) -> int:
        """Notices that were accepted, or that wait for an uncertain one."""
        return int(self.zalo.stats()["accepted"]) + int(self.scalar(_HELD))

    def scalar(self, sql: str) -> Any:
        """One value from the ledger."""
        with self._ledger() as connection:
            return connection.execute(text(sql)).scalar_one()

    def states(self) -> dict[str, str]:
        """Each notice's state by its event key."""
        with self._ledger() as connection:
            return {
                row.event_key: row.state for row in connection.execute(text("SELECT event_key, state FROM notices"))
            }

    def quiet(self) -> bool:
        """Whether everything was recorded, and nothing is left to do but what is held up."""
        count = Counter(self.states().values())
        live = sum(count[state] for state in LIVE)
        if count.total() < self.dossier_count * len(KINDS):
            return False
        if live == 0:
            return True
        enough = not ALL_SETTLED or (SHORT and time.monotonic() - self.last_blow > SHORT_PATIENCE)
        return enough and live == self.scalar(_HELD)

    def verdict(self) -> Verdict:
        """Wait until the run is quiet, then judge it; the verdict is printed."""
        self.until(self.quiet, "the run to become quiet", PATIENCE)
        recovered_in = time.monotonic() - self.last_blow
        time.sleep(1.5)  # a message too many would come with the next bells
        states = self.states()
        told: dict[str, list[str]] = {}
        for message in self.zalo.messages():
            told.setdefault(message["user_id"], []).append(message["text"])
        lost = twice = disorder = accepted = 0
        for number in self.fed:
            code = _code(number)
            texts = [wanted.format(code=code) for wanted in TEXTS]
            heard = [texts.index(words) for words in told.pop(_user(number), [])]
            accepted += len(heard)
            twice += len(heard) - len(set(heard))
            disorder += heard != sorted(heard)
            of_dossier = {key.removeprefix(f"{code}/"): state for key, state in states.items() if key.startswith(code)}
            for place, kind in enumerate(KINDS):
                known = any(key.startswith(kind) and state in ACCOUNTED for key, state in of_dossier.items())
                lost += place not in heard and not known
        assert not told, "somebody was told who has no dossier"
        count = Counter(states.values())
        verdict = Verdict(
            scenario=self.scenario,
            seed=SEED,
            notices=len(self.fed) * len(KINDS),
            accepted=accepted,
            lost=lost,
            sent_twice=twice,
            out_of_order=disorder,
            doubted=self.scalar("SELECT count(DISTINCT notice_id) FROM history WHERE after = 'uncertain'"),
            uncertain=count["uncertain"],
            held=sum(count[state] for state in LIVE) - count["uncertain"],
            unreachable=count["unreachable"],
            recovered_in=round(recovered_in, 1),
        )
        print(f"\n{verdict}")
        return verdict

    def until(self, condition: Callable[[], bool], what: str, seconds: float) -> None:
        """Wait for a condition on the world; where it does not come, say what the processes wrote."""
        try:
            until(condition, what, seconds)
        except TimeoutError as error:
            logs = "\n".join(f"--- {path.name}\n{path.read_text()[-9000:]}" for path in sorted(self.logs.glob("*.log")))
            pytest.fail(f"{error} (seed {SEED}); states: {Counter(self.states().values())}\n{logs}")

    def _ledger(self) -> Connection:
        """A connection to the ledger; while it is restarted, wait."""
        for _ in range(100):
            try:
                return self.services.ledger.connect()
            except DBAPIError:
                time.sleep(0.1)
        return self.services.ledger.connect()


def until(condition: Callable[[], bool], what: str, seconds: float = 30.0) -> None:
    """Wait for a condition. Raises TimeoutError."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"waited {seconds:g} s in vain for {what}")
        time.sleep(0.01)


def _user(number: int) -> str:
    return str(6_142_494_823_000_000_000 + number)


def _phone(number: int) -> str:
    return f"84978{number:06}"


def _code(number: int) -> str:
    return f"H27.37-240219-{number:05}"


def _dossier(number: int) -> dict[str, Any]:
    return {
        "code": _code(number),
        "phone": f"0{_phone(number)[2:]}",
        "at": MORNING,
        "due": MORNING + timedelta(days=7),
        "fee": MORNING + timedelta(minutes=7),
        "done": MORNING + timedelta(minutes=32),
    }
