"""`hcc`: the operators' command line. One noun a file, this list is the index."""

from __future__ import annotations

import io
import os
import sys

import click

from config.faults import keep, named
from config.logs import set_up_logs
from operators.cli import (
    acts,
    alarms,
    connections,
    dead,
    demo,
    doctor,
    dossier,
    events,
    expired,
    followers,
    hold,
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
    switch,
    templates,
    uncertain,
    up,
)
from operators.cli.output import NO_VIETNAMESE, say, shows_vietnamese
from operators.reasons import sentence_of
from worker.domain.text import shown


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
    acts.act,
    switch.switch,
    restore.restore,
    retries.retries,
    hold.hold,
    events.events,
    purge.purge,
    report.report,
    followers.follower,
    staff.staff,
    alarms.alarm,
    templates.templates,
):
    hcc.add_command(command)


def main() -> None:
    """Run; a fault becomes one sentence and exit status 1, never a traceback."""
    if not shows_vietnamese(sys.stdout):
        sys.exit(NO_VIETNAMESE)
    try:
        hcc(standalone_mode=False)
    except click.exceptions.Exit as leave:
        sys.exit(leave.exit_code)
    except click.Abort:
        sys.exit(130)
    except click.ClickException as error:
        _show(error)
        sys.exit(error.exit_code)
    except BrokenPipeError:  # who reads our list has seen enough of it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:  # noqa: BLE001 (the last net: no words of an exception are shown, they may be anybody's)
        sys.exit(shown(sentence_of(error) or _unexpected(error), lines=True))


def _show(error: click.ClickException) -> None:
    """As click shows it, with its usage line; what was typed may hold anything."""
    told = io.StringIO()
    error.show(file=told)
    say(told.getvalue().rstrip("\n"), lines=True, err=True)


def _unexpected(error: Exception) -> str:
    """What nobody foresaw: a sentence, and a file with types and places for who mends it."""
    command = " ".join(["hcc", *(word for word in sys.argv[1:3] if word.isidentifier())])
    number, file = keep(error, command)
    where = f"gửi kèm tệp {file}" if file else "không ghi được tệp chi tiết"
    return f"Lỗi ngoài dự kiến số {number} ({named(error)}) khi chạy `{command}`; báo cho người bảo trì, {where}."
