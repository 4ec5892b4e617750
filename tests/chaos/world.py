"""A world of its own for each scenario: servers, Zalo, dossiers and our real processes; gone with the scenario."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import pytest
import redis
from celery import Celery
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from config.celeryconfig import celery_settings
from config.settings import Settings, variable
from ledger.migrate import migrate
from ledger.people.people import Link
from operators.processes import Processes
from operators.world import SANDBOX_ZALO
from producers.dossiers.poll import build_poller
from sandbox.dossiers.living import LivingDossiers
from tests.chaos.dossiers import KINDS, Load, phone_of, user_of
from tests.chaos.outside import Outside, run_command
from tests.chaos.scale import CHILDREN, NOTICES, SEED
from worker.channels.zalo.oauth import pair_of
from worker.services.bootstrap import Services

WORKERS = ("first", "second")
SEND = "/v3.0/oa/message/cs"

_WORKER = f"celery -A {{app}} worker -n {{name}}@%h --concurrency {CHILDREN} --loglevel INFO"
_BEAT = "celery -A {app} beat --loglevel INFO"
_SETTINGS = SANDBOX_ZALO | {
    "HCC_SECRET_KEYS": "a-key-for-tests-only-0123456789",
    "HCC_CHANNELS": "zalo_cs",
    "HCC_POLL_SECONDS": "0.5",
    "HCC_RETRY_BASE_SECONDS": "0.5",
    "HCC_RETRY_CAP_SECONDS": "2",
    "HCC_LEASE_SECONDS": "6",
    "HCC_HTTP_TIMEOUT_SECONDS": "3",
    "HCC_ZALO_RATE_PER_MINUTE": "100000",
    "HCC_OLD_EVENT_DAYS": "0",  # the dossiers are of 2024 …
    "HCC_GUARD_NOTICES": "0",  # … and all of them change at once
}
DEFAULTS = {
    variable(field): str(Settings.model_fields[field].default)
    for field in ("poll_seconds", "retry_base_seconds", "retry_cap_seconds", "lease_seconds", "http_timeout_seconds")
}
"""How patient we are where nobody says otherwise."""
LONG_TIMEOUTS = {"HCC_LEASE_SECONDS": "40", "HCC_HTTP_TIMEOUT_SECONDS": "20"}
"""So that a busy machine leaves no answer in doubt: for scenarios in which everything has to be told."""
_ZALO_URLS = ("HCC_ZALO_OPENAPI_URL", "HCC_ZALO_BUSINESS_URL", "HCC_ZALO_OAUTH_URL")
_STOP_SECONDS = 60.0
_SPARE = 20  # people beyond those of the load, for dossiers that a scenario files besides


@dataclass(kw_only=True)
class World(Outside):
    """The world at rest but for its processes: baseline polled, token there, everybody known and linked."""

    scenario: str
    notices: int = NOTICES
    changes: Mapping[str, str] = field(default_factory=dict)  # of settings, by variable
    processes: tuple[str, ...] = (*WORKERS, "beat")  # that are started at once
    app: str = "worker.app"  # what Celery runs

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._build(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        for name in list(self.running):
            with contextlib.suppress(ProcessLookupError):  # ended by itself
                self.kill(name)  # there is nothing left to be orderly about
        self._stack.close()

    def _build(self, stack: ExitStack) -> None:
        self.build_servers(stack)
        self.environment = {
            **_SETTINGS,
            **dict.fromkeys(_ZALO_URLS, self.build_zalo(stack)),
            "HCC_DATABASE_URL": self.pair.url("hcc") if self.pair else self.servers.database_url(),
            "HCC_DOSSIER_URL": self.dossier_url(stack),
            "HCC_REDIS_URL": self.servers.redis_url(),
            **self.changes,
        }
        fields = {name.removeprefix("HCC_").lower(): value for name, value in self.environment.items()}
        self.settings = Settings(_env_file=None, **fields)  # type: ignore[call-arg, arg-type]
        self.services = Services(self.settings)
        stack.callback(self.services.close)
        dossiers = LivingDossiers(self.servers.database_url("dossiers"))
        stack.callback(dossiers.close)
        self.load = Load(dossiers.engine)
        self._prepare_ledger()
        self._bell = stack.enter_context(Celery("chaos", set_as_current=False))
        self._bell.config_from_object(celery_settings(self.settings))
        self._children = stack.enter_context(Processes((), self.environment, self.logs))
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        for name in self.processes:
            self.start(name)

    def _prepare_ledger(self) -> None:
        people = [Link(user_of(number), phone_of(number)) for number in range(self.dossier_count + _SPARE)]
        if self.made_by:
            self._prepare_by_commands(self.made_by, people)
            return
        migrate(self.services.ledger)
        with self.services.ledger.begin() as tx:
            self.services.credentials.store(tx, self.oa, pair_of(self.zalo.mint_tokens()))
            self.services.people.link(tx, self.oa, people, source="chaos")
        self.poll()  # the baseline

    def _prepare_by_commands(self, tree: Path, people: Sequence[Link]) -> None:
        """As `_prepare_ledger`, by another version's commands."""
        lines = "\n".join(json.dumps({"user_id": link.user_id, "phone": link.phone}) for link in people)
        token = json.dumps(self.zalo.mint_tokens())
        for words, given in (
            (("migrate",), ""),
            (("oa", "import"), token),
            (("follower", "link", "-"), lines),
            (("poll", "--once"), ""),
        ):
            done = self.hcc(*words, tree=tree, given=given)
            assert done.returncode == 0, done.stderr

    @property
    def oa(self) -> str:
        return self.settings.zalo_oa_id

    @property
    def dossier_count(self) -> int:
        return self.notices // len(KINDS)

    @property
    def workers(self) -> list[str]:
        """The names of the workers that run."""
        return [name for name in self.running if not name.startswith(("beat", "web"))]

    # What is done to it.

    def start(self, name: str, command: str | None = None, tree: Path | None = None, **changes: str) -> None:
        """Start a worker, a beat (a name that begins so), or any other command; with some settings changed.

        `tree` is where another version's code is.
        """
        usual = _BEAT if name.startswith("beat") else _WORKER
        words = [f"{variable}={value}" for variable, value in changes.items()]
        if tree:
            words = [f"--chdir={tree}", f"PYTHONPATH={tree}", *words]
        command = command or usual.format(app=self.app, name=name)
        self.running[name] = self._children.start(name, " ".join(["env", *words, command]))

    def kill(self, name: str) -> None:
        """Kill -9 a process with its children, all at once."""
        process = self.running.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def stop(self, name: str) -> None:
        """End a process in order: what it has begun it brings to its end."""
        process = self.running.pop(name)
        process.terminate()
        process.wait(_STOP_SECONDS)

    def poll(self) -> None:
        """One round of all feeds in this process; it rings the bell."""
        poller = build_poller(self.settings)
        poller.round()

    def ring(self, task: str) -> None:
        """Ring any of our bells once more than beat does."""
        self._bell.send_task(task)

    def unheard(self, queue: str) -> int:
        """How many bells nobody has heard yet."""
        with redis.Redis.from_url(self.settings.redis_url) as client:
            return int(client.llen(f"hcc:{queue}"))

    def hcc(
        self, *words: str, tree: Path | None = None, given: str = "", **changes: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command of ours to its end, with some settings changed; what it said is in the answer.

        `tree` is where another version's code is; `given` is what the command reads.
        """
        return run_command(
            [str(Path(sys.executable).with_name("hcc")), *words], tree, {**self.environment, **changes}, given
        )

    # What is seen of it.

    def scalar(self, sql: str, **values: object) -> Any:
        """One value from the ledger."""
        with self._ledger() as connection:
            return connection.execute(text(sql), values).scalar_one()

    def change(self, sql: str, **values: object) -> int:
        """A hand in the ledger; returns how many rows it moved."""
        with self.services.ledger.begin() as tx:
            return tx.execute(text(sql), values).rowcount

    def states(self) -> dict[str, str]:
        """Each notice's state by its event key."""
        with self._ledger() as connection:
            rows = connection.execute(text("SELECT event_key, state FROM notices"))
            return {row.event_key: row.state for row in rows}

    def live(self) -> str:
        """The first notices that may still leave, with all that a claim looks at."""
        with self._ledger() as connection:
            rows = connection.execute(text(_LIVE)).mappings()
            return "\n".join(str({name: str(value) for name, value in row.items()}) for row in rows)

    def until(self, condition: Callable[[], bool], what: str, seconds: float = 30.0) -> None:
        """Wait for a condition on the world; where it does not come, say what the processes wrote."""
        try:
            until(condition, what, seconds)
        except TimeoutError as error:
            logs = "\n".join(f"--- {path.name}\n{path.read_text()[-9000:]}" for path in sorted(self.logs.glob("*.log")))
            counts = Counter(self.states().values())
            pytest.fail(f"{error} (seed {SEED}); states: {counts}\n{self.live()}\n{logs}")

    def _ledger(self) -> Connection:
        """A connection to the ledger; while it is restarted, wait."""
        for _ in range(100):
            try:
                with self.services.ledger.connect() as connection:
                    connection.exec_driver_sql("SELECT 1")
                break
            except DBAPIError:
                time.sleep(0.1)
        return self.services.ledger.connect()


_LIVE = """
SELECT now(), event_key, state, lane, reason, event_at, due_at, fresh_at, true_at, recorded_at, lease, lease_until
FROM notices WHERE state IN ('waiting', 'due', 'sending', 'uncertain') ORDER BY id LIMIT 5
"""


def until(condition: Callable[[], bool], what: str, seconds: float = 30.0) -> None:
    """Wait for a condition. Raises TimeoutError."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"waited {seconds:g} s in vain for {what}")
        time.sleep(0.02)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def listens(port: int) -> bool:
    """Whether somebody does."""
    with socket.socket() as knock:
        return knock.connect_ex(("127.0.0.1", port)) == 0
