"""The secret of an embedded server, in a file next to its data, readable only by those who may use the server.

The password of each account of a server is derived from it, so one password does not reveal another. None of them is
in a command line, which every user of the machine can read.
"""

import hmac
import os
import secrets
from pathlib import Path

from sandbox.servers.account import Account


def new_secret() -> str:
    """An unguessable secret."""
    return secrets.token_hex(32)


def read_secret(file: Path) -> str | None:
    """The secret in this file; None if there is none. Raises OSError if we may not read it."""
    try:
        return file.read_text().strip() or None
    except FileNotFoundError:
        return None


def keep_secret(file: Path, secret: str) -> None:
    """Write it atomically, readable only by the owner of the folder: root may start a user's servers (`sudo`)."""
    owner = file.parent.stat()
    put(file, f"{secret}\n", Account(owner.st_uid, owner.st_gid) if os.geteuid() == 0 else None)


def password_of(secret: str, name: str) -> str:
    """The password of the account `name`: 64 letters and digits, which need no escaping in a URL."""
    return hmac.digest(secret.encode(), name.encode(), "sha256").hex()


def put(file: Path, content: str, account: Account | None) -> None:
    """Replace a file by one that only `account` may read. Follow no link: the folder's owner may have placed one."""
    new = file.with_name(f"{file.name}.new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w") as opened:
        if account is not None:
            os.fchown(descriptor, account.uid, account.gid)
        opened.write(content)
        opened.flush()
        os.fsync(descriptor)
    new.replace(file)
