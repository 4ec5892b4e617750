"""Begin a process of ours: its log, its reports to Sentry, one clear line about a fault that ends it, its priority."""

from __future__ import annotations

import logging
import os
import sys
import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from config.logs import set_up_logs
from config.sentry import begin_sentry
from config.settings import Settings

log = logging.getLogger("hcc.process")

_AUTOGROUP = Path("/proc/self/autogroup")


def begin_process(settings: Settings, process: str) -> None:
    """`process` names it in JSON lines and reports: 'worker', 'beat', 'web' or 'console'."""
    set_up_logs(settings.log_level, settings.log_format, process)
    begin_sentry(settings, process)
    sys.excepthook = _log_the_end
    threading.excepthook = lambda ended: _log_the_end(ended.exc_type, ended.exc_value, ended.exc_traceback)


def lower_priority(niceness: int) -> None:
    """Let all others go first where cores are busy; `niceness` 1 to 19, as `nice`.

    Where Linux groups processes by their sessions (autogroup, sched(7)), a niceness counts inside of a session, and
    each process of a Procfile has its own. So the session gets the same niceness, unless others live in it.
    """
    os.nice(niceness)
    if os.getsid(0) in (os.getpid(), os.getppid()):
        with suppress(OSError):  # there are no such groups here, or another process wrote it a moment ago
            _AUTOGROUP.write_text(str(niceness))


def _log_the_end(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    """Python would print the traceback: it has the exception's text, which may be personal data."""
    if not issubclass(kind, (KeyboardInterrupt, SystemExit)):
        log.critical("ended by a fault", exc_info=(kind, error or kind(), trace))
