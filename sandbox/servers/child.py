"""A process that dies with us, also when we are killed, and that a Ctrl-C in our terminal does not reach."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from queue import SimpleQueue
from types import MappingProxyType

from sandbox.servers.account import Account

LAUNCH = Path(__file__).with_name("launch.py")
# What is a secret of ours is none of a server's business, so it must not be in its environment.
KEPT_VARIABLES = ("PATH", "LD_LIBRARY_PATH")


class Child:
    """One started process.

    Linux sends the death signal when the parent *thread* ends, so each child has a thread that lives exactly
    as long as the child, and reaps the process.
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
        """Start `command` in `cwd`, writing to the descriptor `log` and inheriting the descriptor `life`.

        `environment` is added to the few variables that it gets; `given` is what it may read from its standard input.
        """
        self._launch = _launch(command, account, death_signal)
        self._starter = os.getpid()
        self._cwd = cwd
        self._log = log
        self._life = life
        self._environment = dict(environment)
        self._given = given.encode()
        started: SimpleQueue[subprocess.Popen[bytes] | OSError] = SimpleQueue()
        self._keeper = threading.Thread(target=self._keep, args=(started,), name=f"keeper of {cwd}", daemon=True)
        self._keeper.start()
        process = started.get()
        if isinstance(process, OSError):
            raise process
        self._process = process
        self.pid = process.pid

    @property
    def ours(self) -> bool:
        """Whether this process started it; False in a fork, which inherits this object but not the child."""
        return self._starter == os.getpid()

    @property
    def alive(self) -> bool:
        """Whether it runs; one that has ended does not, though its thread may still have to bury it."""
        return self._keeper.is_alive() and not _has_ended(self.pid)

    @property
    def returncode(self) -> int | None:
        """Its exit code, or minus the signal that ended it; None until it is buried."""
        return None if self._keeper.is_alive() else self._process.returncode

    def wait(self, seconds: float) -> bool:
        """Wait until it is gone, at most so long; True if it is gone."""
        self._keeper.join(seconds)
        return not self._keeper.is_alive()

    def stop(self, signals: Sequence[signal.Signals], patience: float) -> None:
        """Send one signal after the other, each `patience` seconds after the last, until it is gone."""
        for number in signals:
            if not self.alive:
                return
            with contextlib.suppress(ProcessLookupError):  # gone this very moment
                os.kill(self.pid, number)
            self.wait(patience)

    def _keep(self, started: "SimpleQueue[subprocess.Popen[bytes] | OSError]") -> None:
        try:
            process = self._spawn()
        except OSError as error:
            started.put(error)
            return
        started.put(process)
        process.wait()

    def _spawn(self) -> subprocess.Popen[bytes]:
        with tempfile.TemporaryFile() as given:  # without a name, open already: its account may be another one's
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


def _has_ended(child: int) -> bool:
    if not hasattr(os, "waitid"):  # macOS before Python 3.13: there one learns it from the thread, a moment later
        return False
    try:
        return os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None or _first_thread_ended(
            child
        )
    except ChildProcessError:  # buried this very moment
        return True


def _first_thread_ended(child: int) -> bool:
    """Whether only other threads of it are left: it serves no more, and `waitid` is silent until they have ended."""
    try:
        state = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:  # macOS has no such file; on Linux it is gone with the process
        return False
    return state in "ZX"


def _launch(command: Sequence[str], account: Account | None, death_signal: signal.Signals) -> list[str]:
    ids = ("-", "-") if account is None else (str(account.uid), str(account.gid))
    return [sys.executable, "-I", "-S", str(LAUNCH), str(os.getpid()), str(int(death_signal)), *ids, *command]
