"""Chooses the account that the servers run under.

PostgreSQL refuses to run as root. If we are root, both servers run as `nobody`: no account is added, and no folder
outside the data folder changes its owner or mode. An ordinary user's servers run as that user.
"""

import os
import pwd
from dataclasses import dataclass
from pathlib import Path

from sandbox.servers.errors import ServersError

UNPRIVILEGED = "nobody"


@dataclass(frozen=True)
class Account:
    """The user and group id under which root runs a server."""

    uid: int
    gid: int

    def own(self, folder: Path) -> None:
        """Give one folder (not its contents) to the account."""
        os.chown(folder, self.uid, self.gid)


def account_for(data: Path) -> Account | None:
    """Return the account for a server with this data folder; None means our own. Raises ServersError.

    If root starts a server whose data an ordinary user made (`sudo make demo`), the data stays theirs, so that they
    can start it again later.
    """
    if os.geteuid() != 0:
        return None
    if data.exists() and data.stat().st_uid != 0:
        return Account(data.stat().st_uid, data.stat().st_gid)
    try:
        nobody = pwd.getpwnam(UNPRIVILEGED)
    except KeyError:
        raise ServersError(
            f"Servers are not run as root, and there is no account {UNPRIVILEGED!r} to run them under: "
            "start as an ordinary user, or set HCC_DATABASE_URL and HCC_REDIS_URL."
        ) from None
    return Account(nobody.pw_uid, nobody.pw_gid)
