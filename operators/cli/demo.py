"""`hcc demo`: shows the whole path on one machine, with real servers and processes and the sandbox's Zalo."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from operators.cli.exits import Ended, ExitCode
from operators.cli.output import examples, say
from operators.cli.up import zalo_urls

if TYPE_CHECKING:
    from operators.demo.stage import Play

_RUNS_ALREADY = "`hcc demo` đang chạy rồi trên thư mục này: chờ nó xong, hoặc dừng nó (Ctrl-C ở cửa sổ của nó)."
_PATIENCE = 75.0  # seconds for the whole play; if it takes longer, something is wrong with the machine
_LEDGER, _DOSSIERS = "demo_ledger", "demo_dossiers"


@click.command(
    short_help="Xem toàn bộ đường đi của một thông báo, ngay trên máy này.",
    epilog=examples("hcc demo", "hcc demo --dossiers 5"),
)
@click.option("--dossiers", default=30, show_default=True, metavar="SỐ", help="Số hồ sơ trong vở diễn.")
def demo(dossiers: int) -> None:
    """Diễn trọn đường đi: hồ sơ đổi trạng thái trong CSDL, công dân đọc tin trên Zalo (giả lập)."""
    from operators.endings import alone, end_alike

    end_alike()
    began = time.monotonic()
    try:
        with ExitStack() as stack:
            stack.enter_context(alone(_root() / "lock", _RUNS_ALREADY))
            play = _set_the_stage(stack, dossiers)
            _perform(stack, play, began)
    except KeyboardInterrupt:  # also by a hang-up and SIGTERM
        say("Đã dừng theo yêu cầu; không còn tiến trình nào chạy.")
        sys.exit(ExitCode.INTERRUPTED)


def _root() -> Path:
    """The folder of the play: its servers, lock and logs."""
    from config.settings import VAR

    return VAR / "demo"


def _set_the_stage(stack: ExitStack, dossiers: int) -> Play:
    """Start servers and sandbox, prepare ledger, token and followers: everything except the worker and beat."""
    from config.settings import load
    from ledger.migrate import migrate
    from operators.demo.stage import Play
    from operators.world import embedded
    from sandbox.dossiers.living import LivingDossiers
    from sandbox.zalo.client import SandboxZalo
    from worker.channels.zalo.oauth import pair_of
    from worker.services.bootstrap import Services

    stack.enter_context(_without_settings_of_others())
    say("Khởi động PostgreSQL và Valkey nhúng, Zalo giả lập …")
    added = stack.enter_context(embedded(_root() / "servers", {}))
    urls = _fresh_databases(_root() / "servers")
    zalo = stack.enter_context(
        SandboxZalo(
            app_id=added["HCC_ZALO_APP_ID"], app_secret=added["HCC_ZALO_APP_SECRET"], oa_id=added["HCC_ZALO_OA_ID"]
        )
    )
    own = {"HCC_POLL_SECONDS": "1", "HCC_CHANNELS": "zalo_cs", "HCC_OAS": ""}  # also where `.env` names a file of OAs
    own |= {"HCC_OLD_EVENT_DAYS": "0", "HCC_GUARD_NOTICES": "0"}  # the play is set in 2024, which is not old here
    environment = added | urls | zalo_urls(zalo) | own
    os.environ.update(environment)
    made = Services(load())
    stack.callback(made.close)
    migrate(made.ledger)
    with made.ledger.begin() as tx:
        made.credentials.store(tx, made.settings.zalo_oa_id, pair_of(zalo.mint_tokens()))
    play = Play(LivingDossiers(urls["HCC_DOSSIER_URL"]), zalo, made, environment, dossiers)
    stack.callback(play.dossiers.close)
    _greet_followers(play)
    return play


def _greet_followers(play: Play) -> None:
    """Record everybody in the play as a follower who has shared the phone, as webhooks would."""
    from ledger.people.people import Link
    from producers.dossiers.poll import build_poller

    people = play.cast()
    play.zalo.people([{"user_id": person.user_id, "phone": person.phone} for person in people])
    made = play.services
    with made.ledger.begin() as tx:
        links = [Link(person.user_id, f"+{person.phone}") for person in people]
        made.people.link(tx, made.settings.zalo_oa_id, links, source="demo")
    build_poller(made.settings).round()  # the baseline: events that exist already are told to nobody


def _perform(stack: ExitStack, play: Play, began: float) -> None:
    from rich.console import Console

    from operators.demo.theatre import Theatre
    from operators.processes import Processes

    processes = stack.enter_context(Processes(("worker", "beat"), play.environment, _root() / "logs"))
    say("celery worker và celery beat đang chạy; hồ sơ bắt đầu thay đổi.\n", lines=True)
    theatre = stack.enter_context(Theatre(play, Console()))
    for number, scene in enumerate(play.scenes(), 1):
        for message in scene:
            theatre.show(message)
        if ended := processes.ended():
            name, code = next(iter(ended.items()))
            raise Ended(f"Tiến trình {name} dừng với mã {code}: xem {processes.log(name)}.")
        if faults := play.faults(number):
            raise Ended(f"{'; '.join(faults)}. Xem {processes.log('worker')}.")
        if time.monotonic() - began > _PATIENCE:
            raise Ended(f"Vở diễn quá {_PATIENCE:.0f} giây: xem {processes.log('worker')}.")
    theatre.close()
    _epilogue(play, time.monotonic() - began)


def _epilogue(play: Play, seconds: float) -> None:
    """Print the messages on the phone of the seed dossier's citizen, and the next steps."""
    from config.settings import preset
    from ledger.reports import reports
    from operators.demo.stage import CODE

    port = preset("console_port")
    say(f"\nTin nhắn của hồ sơ {CODE}, đúng như công dân đọc:\n", lines=True)
    for message in play.of_hero():
        say(f"{message['text']}\n", lines=True)
    with play.services.ledger.connect() as connection:
        counts = reports.all_counts(connection, play.services.settings.zalo_oa_id)
    told = ", ".join(f"{state}: {number}" for state, number in sorted(counts.items()))
    say(f"{play.count} hồ sơ, {len(play.messages)} tin nhắn trong {seconds:.0f} giây. Sổ thông báo: {told}.")
    say(
        "\nTiếp theo:\n"
        "  make test                    chạy toàn bộ kiểm thử\n"
        "  .venv/bin/hcc up             chạy tất cả và để đó: worker, beat, web, bàn điều khiển, Zalo giả lập\n"
        f"                               rồi mở bàn điều khiển http://127.0.0.1:{port} "
        "bằng tài khoản `hcc up` in ra\n"
        "  .venv/bin/hcc doctor         kiểm tra cấu hình; README.md chỉ cách nối vào CSDL hồ sơ và Zalo thật",
        lines=True,
    )


def _fresh_databases(root: Path) -> dict[str, str]:
    """Create an empty ledger, an empty dossier database and an empty Redis database for each performance."""
    from coordination.connection import open_redis
    from sandbox.servers import Servers

    servers = Servers(root)
    for name in (_LEDGER, _DOSSIERS):
        servers.drop_database(name)
        servers.create_database(name)
    redis_url = servers.redis_url(int(time.time()) % 15 + 1)
    with closing(open_redis(redis_url)) as redis:
        redis.flushdb()
    return {
        "HCC_DATABASE_URL": servers.database_url(_LEDGER),
        "HCC_DOSSIER_URL": servers.database_url(_DOSSIERS),
        "HCC_REDIS_URL": redis_url,
    }


@contextmanager
def _without_settings_of_others() -> Iterator[None]:
    """Remove all HCC_ variables during the play: the settings of a real installation must not affect it."""
    kept = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("HCC_")}
    try:
        yield
    finally:
        os.environ.update(kept)
