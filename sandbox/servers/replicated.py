"""A PostgreSQL and its standby behind one address, for fail-overs that move the address.

    clients ── address ── primary        after a fail-over: clients ── address ── standby
                  standby ── link ──┘

The standby is asynchronous: commits that had not reached it when the primary died are lost.
"""

import os
import signal
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from sandbox.network import Forwarder
from sandbox.servers.postgres import Postgres
from sandbox.servers.roles import PRODUCT
from sandbox.servers.standby import Standby

# So that a server that is killed and never started again leaves nothing outside its folder.
SETTINGS = {"dynamic_shared_memory_type": "mmap"}


class Replicated:
    """Both servers, with their data under `root`, for a `with`; its methods order what happens to them."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._stack = ExitStack()
        self.primary = Postgres(root / "primary", settings=SETTINGS)

    def __enter__(self) -> Self:
        """Start both; the standby has a complete copy."""
        with ExitStack() as stack:
            stack.callback(self.primary.stop)
            self.primary.start()
            self._address = stack.enter_context(Forwarder(self.primary.port))
            self._link = stack.enter_context(Forwarder(self.primary.port))
            self.standby = Standby(self._root / "standby", self.primary, self._link.port, SETTINGS)
            stack.callback(self.standby.stop)
            self.standby.start()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._stack.close()

    def url(self, name: str, role: str = PRODUCT) -> str:
        """The SQLAlchemy URL of a database on the server that currently has the address."""
        return self.primary.url_as(role, name, self._address.port)

    def hold_back(self) -> None:
        """Let nothing reach the standby from now on; the primary goes on committing."""
        self._link.silence()

    def move_address(self) -> None:
        """Move the address to the standby, promoted or not; existing sessions keep their server."""
        self._address.lead_to(self.standby.port)

    def switch_over(self) -> None:
        """Planned switch-over: the primary refuses writes, stays up and keeps its sessions; nothing is lost."""
        self.primary.refuse_writes()
        self.standby.catch_up(self.primary)
        self.standby.promote()
        self.move_address()

    def silence(self) -> None:
        """Let nothing pass through the address from now on; no connection is refused and none ends."""
        self._address.silence()

    def speak(self) -> None:
        """Let everything pass again."""
        self._address.speak()

    def fail_over(self) -> None:
        """Unplanned fail-over: the primary's host dies with all its connections; the standby takes over the address."""
        pid = self.primary.pid
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
        self._address.cut()
        self.standby.promote()
        self._address.lead_to(self.standby.port)
