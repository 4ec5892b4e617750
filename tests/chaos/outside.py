"""The outside world of a scenario: real servers, a Zalo, and the network to it; gone with the scenario."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text

from operators.world import SANDBOX_ZALO
from sandbox.network import Forwarder
from sandbox.servers import Replicated, Servers
from sandbox.servers.roles import PRODUCT
from tests.chaos.networks import STRAIGHT, zalo_behind

_MAKE_SERVERS = """
import sys
from pathlib import Path
from sandbox.servers import Servers
with Servers(Path(sys.argv[1])):
    pass
"""


@dataclass(kw_only=True)
class Outside:
    """What a scenario finds around it, and what is done to that."""

    logs: Path
    latency_ms: int = 150  # long enough for a blow to fall on requests that are on the wire
    network: str = STRAIGHT  # between the workers and Zalo
    replicated: bool = False  # the ledger has servers of its own: one with a standby, behind one address
    dossiers_afar: bool = False  # behind a network that can fall silent
    movable_clocks: bool = False  # of the ledger and of Redis
    made_by: Path | None = None  # the tree of another version: its code makes the servers' data and the ledger

    def build_servers(self, stack: ExitStack) -> None:
        if self.made_by:
            made = run_command([sys.executable, "-c", _MAKE_SERVERS, str(self.logs / "servers")], self.made_by, {})
            assert made.returncode == 0, made.stderr
        self.servers = stack.enter_context(Servers(self.logs / "servers", movable_clocks=self.movable_clocks))
        self.servers.create_database("dossiers")
        with self.servers.postgres.connected() as connection:  # the clerks write on while the ledger refuses
            connection.execute(text("ALTER DATABASE dossiers SET default_transaction_read_only = off"))
        self.pair = stack.enter_context(Replicated(self.logs / "pair")) if self.replicated else None
        if self.pair:
            self.pair.primary.create_database("hcc")

    def dossier_url(self, stack: ExitStack) -> str:
        """Where our processes find the dossier database."""
        url = self.servers.database_url("dossiers")
        if not self.dossiers_afar:
            return url
        self.far = stack.enter_context(Forwarder(self.servers.postgres.port))
        return self.servers.postgres.url_as(PRODUCT, "dossiers", self.far.port)

    def build_zalo(self, stack: ExitStack) -> str:
        """Zalo and the network to it; returns its URL."""
        zalo = zalo_behind(
            self.network,
            app_id=SANDBOX_ZALO["HCC_ZALO_APP_ID"],
            app_secret=SANDBOX_ZALO["HCC_ZALO_APP_SECRET"],
            oa_id=SANDBOX_ZALO["HCC_ZALO_OA_ID"],
            oa_secret=SANDBOX_ZALO["HCC_ZALO_OA_SECRET"],
            everybody_known=True,
            latency_ms=self.latency_ms,
            rate_per_minute=1_000_000,
        )
        self.zalo, url, self._network = stack.enter_context(zalo)
        return url

    def silence(self) -> None:
        """From now on packets between the workers and Zalo are lost, both ways."""
        assert self._network is not None
        self._network.silence()

    def speak(self) -> None:
        """They arrive again."""
        assert self._network is not None
        self._network.speak()


def run_command(
    command: list[str], tree: Path | None, environment: Mapping[str, str], given: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, on the code of another version if `tree` says where that is; `given` is its input."""
    ours = {"PYTHONPATH": str(tree)} if tree else {}
    return subprocess.run(
        command,
        env={**os.environ, **environment, **ours},
        cwd=tree,
        input=given,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
