"""Starts a process that dies with us, even if we are killed, and does not receive Ctrl-C from our terminal."""

import atexit
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from queue import SimpleQueue
from types import MappingProxyType

from sandbox.servers.account import Account

LAUNCH = Path(__file__).with_name("launch.py")
# A server gets only these variables of our environment: others may hold our secrets.
KEPT_VARIABLES = ("PATH", "LD_LIBRARY_PATH")

_EXIT_SECONDS = 10.0
_LOOK_SECONDS = 0.01


class Child:
    """One started process.

    Linux sends the parent death signal when the parent *thread* ends. So each child has a thread that lives exactly
    as long as the child, and reaps it.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        account: Account | None,
        cwd: Path,
        log: int,
        life: int,
        death_signal: signal.Signals,
        environment: Mapping[str, str] = MappingProxyType({}),
        given: str = "",
    ) -> None:
        """Start `command` in `cwd`, with output to the descriptor `log`; it inherits the descriptor `life`.

        `environment` is added to its few variables; `given` is its standard input. Raises OSError.
        """
        self._launch = _launch(command, account, death_signal)
        self._starter = os.getpid()
        self._cwd = cwd
        self._log = log
        self._life = life
        self._environment = dict(environment)
        self._given = given.encode()
        self._death_signal = death_signal
        started: SimpleQueue[OSError | None] = SimpleQueue()
        self._keeper = threading.Thread(target=self._keep, args=(started,), name=f"keeper of {cwd}", daemon=True)
        self._keeper.start()
        fault = started.get()
        if fault is not None:
            raise fault

    @property
    def ours(self) -> bool:
        """Whether this process started it; False in a forked process, which inherits this object but not the child."""
        return self._starter == os.getpid()

    @property
    def alive(self) -> bool:
        """Whether it runs; a child that has ended is not alive, even if its thread has not reaped it yet."""
        return self._keeper.is_alive() and not _has_ended(self.pid)

    @property
    def returncode(self) -> int | None:
        """Its exit code, or minus the signal that ended it; None until it is reaped."""
        return None if self._keeper.is_alive() else self._process.returncode

    def wait(self, seconds: float) -> bool:
        """Wait at most so many seconds until it has ended and is reaped; True if it is."""
        self._keeper.join(seconds)
        return not self._keeper.is_alive()

    def stop(self, signals: Sequence[signal.Signals], patience: float) -> None:
        """Send the signals in order, with `patience` seconds between them, until it has ended."""
        for number in signals:
            if not self.alive:
                return
            with contextlib.suppress(ProcessLookupError):  # it has just ended
                os.kill(self.pid, number)
            self.wait(patience)

    def end(self, seconds: float) -> None:
        """Kill it and what it has started, and wait at most so many seconds until all of them are gone."""
        until = time.monotonic() + seconds
        self._kill_group(signal.SIGKILL)
        self.wait(seconds)
        while self._kill_group(0) and time.monotonic() < until:
            time.sleep(_LOOK_SECONDS)

    def end_at_exit(self) -> None:
        """End it in order if nobody has: we were interrupted before its owner had it."""
        if self.ours and self.alive:
            self.stop((self._death_signal,), _EXIT_SECONDS)
            self.end(_EXIT_SECONDS)

    def _kill_group(self, number: int) -> bool:
        """Whether there are processes of its session to which the signal was sent."""
        try:
            os.killpg(self.pid, number)
        except (ProcessLookupError, PermissionError):  # none; or its number has been given to somebody else
            return False
        return True

    def _keep(self, started: "SimpleQueue[OSError | None]") -> None:
        try:
            self._process = self._spawn()
        except OSError as error:
            started.put(error)
            return
        self.pid = self._process.pid
        _RUNNING.add(self)
        started.put(None)
        self._process.wait()
        _RUNNING.discard(self)

    def _spawn(self) -> subprocess.Popen[bytes]:
        with tempfile.TemporaryFile() as given:  # unnamed and already open: another account need not have access to it
            given.write(self._given)
            given.seek(0)
            return subprocess.Popen(  # noqa: S603 - the command is our own
                self._launch,
                cwd=self._cwd,
                env={name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
                | {"LC_ALL": "C", "TZ": "UTC"}
                | self._environment,
                stdin=given if self._given else subprocess.DEVNULL,
                stdout=self._log,
                stderr=self._log,
                pass_fds=(self._life,),
                start_new_session=True,  # Ctrl-C is for us; we stop the servers in order
            )


_RUNNING = set[Child]()


@atexit.register
def _end_all() -> None:
    for child in list(_RUNNING):
        child.end_at_exit()


def _has_ended(child: int) -> bool:
    if not hasattr(os, "waitid"):  # macOS before Python 3.13: there only the thread notices it, a moment later
        return False
    try:
        return os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None or _first_thread_ended(
            child
        )
    except ChildProcessError:  # it has just been reaped
        return True


def _first_thread_ended(child: int) -> bool:
    """Whether its first thread has ended and only others are left.

    Such a child no longer serves, but `waitid` reports its end only after they have ended, too.
    """
    try:
        state = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:  # macOS has no such file; on Linux it vanishes with the process
        return False
    return state in "ZX"


def _launch(command: Sequence[str], account: Account | None, death_signal: signal.Signals) -> list[str]:
    ids = ("-", "-") if account is None else (str(account.uid), str(account.gid))
    return [sys.executable, "-I", "-S", str(LAUNCH), str(os.getpid()), str(int(death_signal)), *ids, *command]
