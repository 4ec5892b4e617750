"""Where the program `hcc` begins: it catches Ctrl-C also while the command line itself is being imported."""

from __future__ import annotations

import sys

_INTERRUPTED = 130  # of `operators.cli.exits`, which imports click


def main() -> None:
    """Run a command. Ctrl-C at any time, also during the import, ends with the documented status and no traceback."""
    try:
        from operators.cli.main import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
