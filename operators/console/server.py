"""Serves the console by gunicorn on loopback: few processes, a few threads each. SIGTERM ends them in order."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.db import DatabaseError, connections
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger

from config.connections import CONSOLE_AT_ONCE
from config.process import begin_process, lower_priority
from coordination.processes import CONSOLE, announce
from worker.services.deployment import Deployment

_NICENESS = 10  # of 19
_GRACE_SECONDS = 5
_REQUEST_SECONDS = 60  # then the process is taken for hung and replaced


class _Server(BaseApplication):  # type: ignore[misc]  # gunicorn ships no types
    """gunicorn with our options, and none from files or the command line."""

    def __init__(self, options: dict[str, Any], application: Callable[..., Any]) -> None:
        self._options = options
        self._application = application
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Callable[..., Any]:
        return self._application


class _OurLog(Logger):  # type: ignore[misc]  # as above
    """gunicorn's log lines go where ours go, in the same form and masked."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        self.error_log.propagate = True

    def _set_handler(self, log: Any, output: Any, fmt: Any, stream: Any = None) -> None:
        """It gets none of its own."""


def serve_console(made: Deployment, port: int) -> None:
    """Serve on 127.0.0.1 until SIGTERM or SIGINT. Put a proxy with TLS in front."""
    settings = made.shared.settings
    options = {
        "bind": f"127.0.0.1:{port}",
        "workers": processes_of(settings.console_processes, os.cpu_count() or 1),
        "threads": CONSOLE_AT_ONCE,
        "worker_class": "gthread",
        "timeout": _REQUEST_SECONDS,
        "graceful_timeout": _GRACE_SECONDS,
        "accesslog": None,  # a proxy keeps one, if it is wanted
        "errorlog": "-",
        "loglevel": "warning",
        "control_socket_disable": True,
        "forwarded_allow_ips": "127.0.0.1,::1",
        "logger_class": _OurLog,
        "post_worker_init": lambda _worker: _begin(settings.redis_url),
    }
    made.shared.ledger.dispose()  # no connection is shared with the forked process
    connections.close_all()
    application = get_wsgi_application()
    begin_process(settings, CONSOLE)
    _Server(options, application).run()


def processes_of(wanted: int, cores: int) -> int:
    """How many processes answer pages: as set, or half as many as cores, so that workers and events have the rest."""
    return wanted or max(1, cores // 2)


def _begin(redis_url: str) -> None:
    """In a process that answers: no sessions that have ended, and a sign of life.

    Where cores are busy, pages wait for Zalo's events and not the other way round.
    """
    lower_priority(_NICENESS)
    with suppress(DatabaseError):  # else at the next start
        call_command("clearsessions")
    if redis_url:
        announce(redis_url, CONSOLE)
