"""Runs between fork and the server: drop root, bind our life to the starter's, become the server.

Run as a script of its own, `python -I -S launch.py PARENT SIGNAL UID GID PROGRAM ARGUMENT…` (UID and GID `-`:
keep ours), because code between fork and exec in a process with threads may deadlock. Standard library only.

The working folder is entered before, as root, and stays the current one. So a server can work in a folder below one
that its account cannot enter (/root, a private temporary folder), without privileges and without opening that folder.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


def main(parent: str, signal: str, uid: str, gid: str, *command: str) -> None:
    """Become `command`; it gets `signal` when the thread that started us ends."""
    if uid != "-":
        _drop_root(int(uid), int(gid))
    _die_with(int(parent), int(signal))
    os.execv(command[0], command)  # noqa: S606 - no shell is the point


def _drop_root(uid: int, gid: int) -> None:
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


def _die_with(parent: int, signal: int) -> None:
    """Ask Linux for a signal when the parent dies; elsewhere the server survives, and the next start uses it."""
    if sys.platform != "linux":
        return
    # After the change of user, which would clear the setting.
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent:  # it died before we asked
        sys.exit("The process that started this server is gone.")


if __name__ == "__main__":
    main(*sys.argv[1:])
