"""`hcc demo`: the whole path on one machine, with real servers and processes and a Zalo in a box."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import click
from rich.console import Console

from config.settings import VAR, load
from operators.cli.output import say
from operators.cli.stage import CODE, Play
from operators.cli.theatre import Theatre
from operators.cli.up import zalo_urls
from operators.endings import alone, end_alike
from operators.processes import Processes
from operators.world import embedded
from producers.dossiers.poll import build_poller
from sandbox.dossiers.living import LivingDossiers
from sandbox.servers import Servers
from sandbox.zalo.client import SandboxZalo
from worker.bootstrap import Services
from worker.channels.zalo.oauth import pair_of
from worker.ledger import reports
from worker.ledger.migrate import migrate
from worker.ledger.people import Link

ROOT = VAR / "demo"
_RUNS_ALREADY = "`hcc demo` đang chạy rồi trên thư mục này: chờ nó xong, hoặc dừng nó (Ctrl-C ở cửa sổ của nó)."
_PATIENCE = 75.0  # seconds for the whole play; a machine that needs more has something wrong with it
_LEDGER, _DOSSIERS = "demo_ledger", "demo_dossiers"


@click.command(short_help="Xem toàn bộ đường đi của một thông báo, ngay trên máy này.")
@click.option("--dossiers", default=30, show_default=True, help="Số hồ sơ trong vở diễn.")
def demo(dossiers: int) -> None:
    """Diễn trọn đường đi: hồ sơ đổi trạng thái trong CSDL, công dân đọc tin trên Zalo (giả lập)."""
    end_alike()
    began = time.monotonic()
    try:
        with ExitStack() as stack:
            stack.enter_context(alone(ROOT / "lock", _RUNS_ALREADY))
            play = _set_the_stage(stack, dossiers)
            _perform(stack, play, began)
    except KeyboardInterrupt:  # also by a hang-up and SIGTERM
        say("Đã dừng theo yêu cầu; không còn tiến trình nào chạy.")
        sys.exit(130)


def _set_the_stage(stack: ExitStack, dossiers: int) -> Play:
    """Servers, sandbox, ledger, token, followers: everything but the processes that do the work."""
    stack.enter_context(_without_settings_of_others())
    say("Khởi động PostgreSQL và Valkey nhúng, Zalo giả lập …")
    added = stack.enter_context(embedded(ROOT / "servers", {}))
    urls = _fresh_databases(ROOT / "servers")
    zalo = stack.enter_context(
        SandboxZalo(
            app_id=added["HCC_ZALO_APP_ID"], app_secret=added["HCC_ZALO_APP_SECRET"], oa_id=added["HCC_ZALO_OA_ID"]
        )
    )
    own = {"HCC_POLL_SECONDS": "1", "HCC_CHANNELS": "zalo_cs", "HCC_OAS": ""}  # also where `.env` names a file of OAs
    own |= {"HCC_OLD_EVENT_DAYS": "0", "HCC_GUARD_NOTICES": "0"}  # the play is of 2024: no news, by its own time
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
    """Everybody in the play follows the OA and has shared the phone, as webhooks would tell."""
    people = play.cast()
    play.zalo.people([{"user_id": person.user_id, "phone": person.phone} for person in people])
    made = play.services
    with made.ledger.begin() as tx:
        links = [Link(person.user_id, f"+{person.phone}") for person in people]
        made.people.link(tx, made.settings.zalo_oa_id, links, source="demo")
    build_poller(made.settings).round()  # the first look: what is there already is nobody's news


def _perform(stack: ExitStack, play: Play, began: float) -> None:
    processes = stack.enter_context(Processes(("worker", "beat"), play.environment, ROOT / "logs"))
    say("celery worker và celery beat đang chạy; hồ sơ bắt đầu thay đổi.\n", lines=True)
    theatre = stack.enter_context(Theatre(play, Console()))
    for number, scene in enumerate(play.scenes(), 1):
        for message in scene:
            theatre.show(message)
        if ended := processes.ended():
            name, code = next(iter(ended.items()))
            raise click.ClickException(f"Tiến trình {name} dừng với mã {code}: xem {processes.log(name)}.")
        if faults := play.faults(number):
            raise click.ClickException(f"{'; '.join(faults)}. Xem {processes.log('worker')}.")
        if time.monotonic() - began > _PATIENCE:
            raise click.ClickException(f"Vở diễn quá {_PATIENCE:.0f} giây: xem {processes.log('worker')}.")
    theatre.close()
    _epilogue(play, time.monotonic() - began)


def _epilogue(play: Play, seconds: float) -> None:
    """What the citizen of the seed dossier has on the phone, and what to do next."""
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
        "  .venv/bin/hcc up             chạy tất cả và để đó: worker, beat, web, Zalo giả lập\n"
        "  .venv/bin/hcc doctor         kiểm tra cấu hình; README.md chỉ cách nối vào CSDL hồ sơ và Zalo thật"
    )


def _fresh_databases(root: Path) -> dict[str, str]:
    """An empty ledger, an empty dossier database and an empty Redis for each performance."""
    servers = Servers(root)
    for name in (_LEDGER, _DOSSIERS):
        servers.drop_database(name)
        servers.create_database(name)
    return {
        "HCC_DATABASE_URL": servers.database_url(_LEDGER),
        "HCC_DOSSIER_URL": servers.database_url(_DOSSIERS),
        "HCC_REDIS_URL": servers.redis_url(int(time.time()) % 15 + 1),
    }


@contextmanager
def _without_settings_of_others() -> Iterator[None]:
    """The play is a world of its own: settings of a real installation must not reach into it."""
    kept = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("HCC_")}
    try:
        yield
    finally:
        os.environ.update(kept)
