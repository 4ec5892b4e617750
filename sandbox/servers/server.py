"""The life of one embedded server.

Files of a server, all in its home folder:

    data/     the server's data; if root starts it, owned by `nobody`, mode 0700
    log       the server's output
    lock      held while a server is started or stopped, so that two starters take turns
    secret    the source of its passwords (secret.py); owned by its starter, mode 0600
    life      locked by the server itself, from its start until its last process has ended, however it ends
    note      its port and process id
    copy      the path to which its program was copied, if that was necessary
"""

import contextlib
import os
import signal
from abc import ABC, abstractmethod
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar

from sandbox.servers import clock
from sandbox.servers.account import Account, account_for
from sandbox.servers.binaries import discard_copy
from sandbox.servers.child import Child
from sandbox.servers.errors import ServersError
from sandbox.servers.files import (
    Note,
    candidate_ports,
    claim,
    is_claimed,
    locked,
    port_is_free,
    read_note,
    wait_until,
)

START_SECONDS = 60.0  # a crash recovery may take a while
STOP_SECONDS = 10.0  # per signal
ASK_SECONDS = 3  # time-out of asking a server for its process id
PORTS_TRIED = 5
LOG_TAIL_LINES = 8


class Server(ABC):
    """A server that can be started, stopped, and started again on the same port after somebody killed it."""

    title: ClassVar[str]
    stop_signals: ClassVar[tuple[signal.Signals, ...]]  # the orderly one first; also sent when the starter dies

    def __init__(self, home: Path, *, movable_clock: bool = False) -> None:
        self._home = home.absolute()
        self._data = self._home / "data"
        self._prefix = clock.prefix() if movable_clock else []
        self._child: Child | None = None

    @abstractmethod
    def _prepare(self, account: Account | None, life: int) -> Path:
        """Make the data folder ready to be served, and return the program that serves it."""

    @abstractmethod
    def _arguments(self, port: int) -> list[str]:
        """Return the arguments of the program; it runs in the data folder."""

    @abstractmethod
    def _who_serves(self, port: int) -> int | None:
        """Return the process id reported by the ready server on this port; None if none is ready there."""

    def _input(self) -> str:
        """The program's standard input at its start, for secrets that must not be in its command line."""
        return ""

    def _settle(self) -> None:  # noqa: B027 (most servers need nothing)
        """Finish the set-up when the server is ready, before `start` returns."""

    @property
    def port(self) -> int:
        """The TCP port it has, or had when it last ran. Raises ServersError if it was never started."""
        note = read_note(self._home / "note")
        if note is None:
            raise ServersError(f"{self.title} in {self._home} was never started.")
        return note.port

    @property
    def pid(self) -> int | None:
        """The server's process id, whoever started it; None if it does not run (an old note is no proof)."""
        if self._child is not None and self._child.alive:
            return self._child.pid
        note = read_note(self._home / "note")
        return note.pid if note and self._serves(note) else None

    def start(self) -> None:
        """Start it unless it runs (whoever started it); returns when it is ready. Raises ServersError."""
        try:
            self._home.mkdir(parents=True, exist_ok=True)
            with locked(self._home / "lock"):
                if self.pid is None:
                    self._start_anew()
        except OSError as error:
            raise ServersError(f"{self.title} in {self._home} cannot be started: {error}.") from error

    def stop(self) -> None:
        """Stop it if this object started it in this process; returns when all its processes have ended."""
        if self._child is None or not self._child.ours:
            return
        with locked(self._home / "lock"):
            self._child.stop((*self.stop_signals, signal.SIGKILL), STOP_SECONDS)
            self._child = None
            os.close(self._claim_life())
            discard_copy(self._home / "copy")

    def move_clock(self, seconds: float) -> None:
        """Set its wall clock ahead by so many seconds (behind, if negative), at once; needs `movable_clock`."""
        clock.move(self._data, seconds)

    def close_folder(self) -> None:
        """Prevent it from creating files in its data folder from now on."""
        self._data.chmod(0o500)

    def open_folder(self) -> None:
        """Undo `close_folder`."""
        self._data.chmod(0o700)

    def _start_anew(self) -> None:
        life = self._claim_life()
        try:
            account = account_for(self._data)
            program = self._prepare(account, life)
            note = read_note(self._home / "note")
            for port in islice(candidate_ports(note.port if note else None), PORTS_TRIED):
                if self._start_on(port, program, account, life):
                    self._settle()
                    return
            raise ServersError(  # noqa: TRY301 - a failed start like any other
                f"{self.title} in {self._home} found {PORTS_TRIED} free ports taken again."
            )
        except BaseException:
            discard_copy(self._home / "copy")
            raise
        finally:
            os.close(life)

    def _claim_life(self) -> int:
        """Wait until no process of an earlier run is left: children of a killed server outlive it by a moment.

        Raises ServersError.
        """
        life = claim(self._home / "life", START_SECONDS)
        if life is None:
            raise ServersError(
                f"{self.title} in {self._home} neither answers nor ends: end its processes "
                f"(the note beside its data tells the first one) and start again."
            )
        if self._prefix and (note := read_note(self._home / "note")):
            clock.forget(note.pid)
        return life

    def _start_on(self, port: int, program: Path, account: Account | None, life: int) -> bool:
        """Start on this port and wait until it is ready; False if the port was taken meanwhile. Raises ServersError."""
        before = self._log_size()
        child = self._spawn([str(program), *self._arguments(port)], account, life, given=self._input())
        note = Note(port, child.pid)
        note.write(self._home / "note")
        try:
            wait_until(lambda: not child.alive or self._serves(note), START_SECONDS)
            if child.alive and self._serves(note):
                self._child = child
                return True
        finally:
            if self._child is not child:
                child.stop((signal.SIGKILL,), STOP_SECONDS)
        if not port_is_free(port):
            return False
        raise ServersError(f"{self.title} in {self._home} did not start. Its log ends:\n{self._log_since(before)}")

    def _serves(self, note: Note) -> bool:
        """Whether exactly the process of this note is ready. We ask it, since ports and process ids are reused."""
        return is_claimed(self._home / "life") and self._who_serves(note.port) == note.pid

    def _spawn(
        self,
        command: list[str],
        account: Account | None,
        life: int,
        *,
        folder: Path | None = None,
        environment: Mapping[str, str] = MappingProxyType({}),
        given: str = "",
    ) -> Child:
        with (self._home / "log").open("ab") as log:
            return Child(
                [*self._prefix, *command],
                account=account,
                cwd=folder or self._data,
                log=log.fileno(),
                life=life,
                death_signal=self.stop_signals[0],
                environment=environment,
                given=given,
            )

    def _log_size(self) -> int:
        with contextlib.suppress(FileNotFoundError):
            return (self._home / "log").stat().st_size
        return 0

    def _log_since(self, offset: int) -> str:
        with (self._home / "log").open("rb") as log:
            log.seek(offset)
            lines = log.read().decode(errors="replace").splitlines()
        return "\n".join(lines[-LOG_TAIL_LINES:])


def make_private_folder(folder: Path, account: Account | None) -> None:
    """Make a folder that only the server's account may enter."""
    folder.mkdir(mode=0o700)
    if account is not None:
        account.own(folder)
