"""Finds a program of a wheel at a path where the servers' account may run it.

Usually that is its place of installation. But root's virtual environment may lie under a folder that `nobody` cannot
enter. Then the program is copied: opening that folder, or giving the server a capability to enter any folder, would be
worse.
"""

import contextlib
import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from sandbox.servers.account import Account
from sandbox.servers.errors import ServersError

COPY_PREFIX = "hcc-servers-"
OTHER_PLACES = ("/tmp", "/var/tmp", "/dev/shm")  # noqa: S108 - the copy gets a fresh folder there
NOT_NEEDED_TO_RUN = shutil.ignore_patterns("include", "pgxs", "pkgconfig", "*.a", "__pycache__")


def installed(package: str) -> Path:
    """Return the folder of an installed package, without importing it. Raises ServersError if it is not installed."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ServersError(f"The package {package!r}, which holds the server, is not installed: run `make install`.")
    return Path(spec.submodule_search_locations[0])


def runnable(program: Path, trees: Sequence[Path], account: Account | None, record: Path) -> Path:
    """Return a path where `account` may run `program`, whose files are in the sibling folders `trees`.

    If a copy is made, its path is recorded in the file `record`; `discard_copy` removes it. Raises ServersError.
    """
    discard_copy(record)  # left by a starter that was killed
    if account is None or _may_run(program, account):
        return program
    for place in (tempfile.gettempdir(), *OTHER_PLACES):
        with contextlib.suppress(OSError):  # no such folder, or it is full: try the next
            copy = _copy(trees, place, record) / program.relative_to(trees[0].parent)
            if _may_run(copy, account):
                return copy
        discard_copy(record)
    raise ServersError(
        f"User id {account.uid}, under which root starts the servers, may run {program.name} neither from "
        f"{program.parent} nor from a copy in a temporary folder: set TMPDIR to a folder that all users may "
        "enter and that is not mounted noexec, or start as an ordinary user."
    )


def discard_copy(record: Path) -> None:
    """Remove the copy that is recorded in this file, if there is one."""
    if not record.exists():
        return
    copy = Path(record.read_text())
    # The record may lie in another user's folder, so we remove only a folder that we made for a copy.
    if (
        copy.name.startswith(COPY_PREFIX)
        and copy.is_dir()
        and copy.stat().st_uid == os.geteuid()
        and not copy.is_symlink()
    ):
        shutil.rmtree(copy)
    record.unlink()


def _may_run(program: Path, account: Account) -> bool:
    try:
        trial = subprocess.run(  # noqa: S603 - a program of a wheel that we depend on
            [program, "--version"],
            user=account.uid,
            group=account.gid,
            extra_groups=[],
            cwd="/",
            capture_output=True,
            check=False,
        )
    except OSError:
        return False
    return trial.returncode == 0


def _copy(trees: Sequence[Path], place: str, record: Path) -> Path:
    """Copy the trees to a fresh folder (an unguessable name, made by root, writable for root only)."""
    copy = Path(tempfile.mkdtemp(prefix=COPY_PREFIX, dir=place))
    record.write_text(str(copy))
    for tree in trees:
        shutil.copytree(tree, copy / tree.name, copy_function=shutil.copyfile, ignore=NOT_NEEDED_TO_RUN)
    for path in (copy, *copy.rglob("*")):
        path.chmod(0o755)  # the installation may have been made under a strict umask
    return copy
