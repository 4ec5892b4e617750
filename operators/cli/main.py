"""`hcc`: the operators' command line. One noun a file, this list is the index."""

from __future__ import annotations

import errno
import sys

import click
from sqlalchemy.exc import DBAPIError

from config.logs import set_up_logs
from config.settings import SettingsError
from operators.cli import (
    connections,
    dead,
    demo,
    doctor,
    dossier,
    events,
    expired,
    followers,
    oa,
    poll,
    preview,
    purge,
    quarantine,
    report,
    restore,
    retries,
    source,
    staff,
    templates,
    uncertain,
    up,
)
from producers.dossiers.mapping import MappingError
from producers.dossiers.source import SourceError
from sandbox.servers import ServersError
from worker.domain.letters import LetterError
from worker.queue.connection import QueueDown


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def hcc() -> None:
    """HCC Notify: báo cho công dân trên Zalo về hồ sơ của họ."""
    set_up_logs("WARNING")


for command in (
    demo.demo,
    up.up,
    up.migrate,
    up.web,
    doctor.doctor,
    connections.connections,
    source.source,
    poll.poll,
    oa.oa,
    preview.preview,
    dossier.dossier,
    dead.dead,
    expired.expired,
    uncertain.uncertain,
    quarantine.quarantine,
    restore.restore,
    retries.retries,
    events.events,
    purge.purge,
    report.report,
    followers.follower,
    staff.staff,
    templates.templates,
):
    hcc.add_command(command)


_OF_FILES = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM})


def main() -> None:
    """Run; an expected fault becomes one sentence and exit status 1, never a traceback."""
    try:
        hcc(standalone_mode=False)
    except click.exceptions.Exit as leave:
        sys.exit(leave.exit_code)
    except click.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (SettingsError, MappingError, SourceError, ServersError, LetterError, QueueDown) as error:
        sys.exit(f"{error}")
    except DBAPIError as error:
        sys.exit(f"Không làm việc được với cơ sở dữ liệu: {_first_line(error)}")
    except OSError as error:
        if error.errno not in _OF_FILES:
            raise
        sys.exit(_about_a_file(error))


def _about_a_file(error: OSError) -> str:
    """A full disk, a folder that may not be written: which file, and what the system says."""
    return f"Không đọc hoặc ghi được {error.filename or 'tệp'}: {error.strerror or type(error).__name__}"


def _first_line(error: DBAPIError) -> str:
    return str(error.orig).strip().splitlines()[0] if error.orig else type(error).__name__
