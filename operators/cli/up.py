"""`hcc up`, `hcc migrate`, `hcc web`: running it all."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import click
from honcho.manager import Manager

from config.oas import load_oas
from config.settings import ROOT, UP_ENV, VAR, load
from operators.cli.context import deployment
from operators.cli.output import say
from operators.processes import procfile
from operators.world import SERVERS, embedded, given, world
from sandbox.zalo.client import SandboxZalo
from worker.bootstrap import Services
from worker.channels.zalo.oauth import pair_of
from worker.deployment import Deployment
from worker.ledger.engine import open_ledger
from worker.ledger.migrate import migrate as migrate_ledger


@click.command(short_help="Chạy tất cả: máy chủ nhúng (nếu chưa đặt URL), worker, beat, web.")
def up() -> None:
    """Chạy mọi tiến trình của Procfile đến khi Ctrl-C.

    Biến HCC_* nào chưa đặt thì dùng máy chủ nhúng, dữ liệu ở var/; chưa đặt ứng dụng Zalo thì dùng Zalo giả lập.
    """
    with ExitStack() as stack:
        added = stack.enter_context(embedded(SERVERS, given()))
        zalo = _sandbox_zalo(stack, added)
        if zalo is not None:
            added |= zalo_urls(zalo)
        os.environ.update(added)
        made = Deployment(load_oas())
        migrate_ledger(made.shared.ledger)
        if zalo is not None:
            _import_token(next(iter(made)), zalo)
        made.close()
        _remember(added)
        stack.callback(UP_ENV.unlink, missing_ok=True)
        sys.exit(_run_procfile())


@click.command(short_help="Nâng cấp sổ thông báo lên bản mới nhất.")
def migrate() -> None:
    """Chạy các bước nâng cấp còn thiếu của sổ thông báo."""
    with world():
        ledger = open_ledger(load("database_url").database_url)
        before, after = migrate_ledger(ledger)
        ledger.dispose()
    say(f"Sổ thông báo: {before or 'trống'} → {after}." if before != after else f"Sổ đã ở bản {after}.")


@click.command(short_help="Chạy máy chủ web: webhook, trạng thái, màn hình.")
@click.option("--port", type=int, envvar="PORT", default=8000, show_default=True, help="Cổng lắng nghe.")
def web(port: int) -> None:
    """Chạy máy chủ web trên 127.0.0.1."""
    from operators.web import serve  # noqa: PLC0415 (only this command needs the web library)

    with deployment() as made:
        serve(made, port)


def _sandbox_zalo(stack: ExitStack, added: Mapping[str, str]) -> SandboxZalo | None:
    if "HCC_ZALO_APP_ID" not in added:
        return None
    zalo = stack.enter_context(
        SandboxZalo(
            app_id=added["HCC_ZALO_APP_ID"],
            app_secret=added["HCC_ZALO_APP_SECRET"],
            oa_id=added["HCC_ZALO_OA_ID"],
            oa_secret=added["HCC_ZALO_OA_SECRET"],
        )
    )
    say(f"Zalo giả lập: {zalo.control_url}")
    return zalo


def zalo_urls(zalo: SandboxZalo) -> dict[str, str]:
    """The settings that point every Zalo host at the sandbox."""
    hosts = ("HCC_ZALO_OPENAPI_URL", "HCC_ZALO_BUSINESS_URL", "HCC_ZALO_OAUTH_URL")
    return dict.fromkeys(hosts, zalo.api_url)


def _import_token(made: Services, zalo: SandboxZalo) -> None:
    pair = pair_of(zalo.mint_tokens())
    with made.ledger.begin() as tx:
        made.credentials.store(tx, made.oa, pair)


def _remember(added: Mapping[str, str]) -> None:
    """For commands in other terminals: the world that this one started."""
    VAR.mkdir(exist_ok=True)
    descriptor = os.open(UP_ENV, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.writelines(f"{name}={value}\n" for name, value in added.items())


def _run_procfile() -> int:
    os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    manager = Manager()
    for name, command in procfile().items():
        manager.add_process(name, command, env=dict(os.environ), cwd=str(ROOT))
    manager.loop()
    return manager.returncode or 0
