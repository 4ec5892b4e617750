"""`hcc up`, `hcc migrate`, `hcc web`: running it all."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TextIO, cast

import click
from honcho.manager import Manager
from honcho.printer import Printer

from config.oas import load_oas
from config.settings import ROOT, UP_ENV, VAR, load
from operators.cli.context import deployment
from operators.cli.output import say
from operators.endings import alone, end_alike, silence
from operators.processes import procfile
from operators.reasons import WRONG_KEYS
from operators.world import SERVERS, UP_LOCK, embedded, given, world
from sandbox.zalo.client import SandboxZalo
from worker.bootstrap import Services
from worker.channels.zalo.oauth import pair_of
from worker.deployment import Deployment
from worker.ledger import keys
from worker.ledger.engine import open_ledger
from worker.ledger.migrate import migrate as migrate_ledger

PORT = click.option(
    "--port",
    type=click.IntRange(1, 65535),
    envvar="PORT",
    default=8000,
    show_default=True,
    help="Cổng lắng nghe của web.",
)

_RUNS_ALREADY = (
    "`hcc up` đang chạy rồi trên thư mục này, chỉ chạy được một; các lệnh `hcc` khác dùng được ngay bên cạnh. "
    "Muốn chạy lại thì dừng cái đang chạy trước (Ctrl-C ở cửa sổ của nó)."
)


@click.command(short_help="Chạy tất cả: máy chủ nhúng (nếu chưa đặt URL), worker, beat, web.")
@PORT
def up(port: int) -> None:
    """Chạy mọi tiến trình của Procfile đến khi Ctrl-C.

    Biến HCC_* nào chưa đặt thì dùng máy chủ nhúng, dữ liệu ở var/; chưa đặt ứng dụng Zalo thì dùng Zalo giả lập.
    """
    end_alike()
    with ExitStack() as stack:
        stack.enter_context(alone(UP_LOCK, _RUNS_ALREADY))
        UP_ENV.unlink(missing_ok=True)  # of one that was killed: nobody else writes it while we have the lock
        _look_at(port)
        added = stack.enter_context(embedded(SERVERS, given()))
        zalo = _sandbox_zalo(stack, added)
        if zalo is not None:
            added |= zalo_urls(zalo)
        os.environ.update(added | {"PORT": str(port)})
        made = Deployment(load_oas())
        migrate_ledger(made.shared.ledger)
        _look_for_the_keys(made)
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
@PORT
def web(port: int) -> None:
    """Chạy máy chủ web trên 127.0.0.1."""
    from operators.web import serve  # noqa: PLC0415 (only this command needs the web library)

    _look_at(port)
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


def _look_at(port: int) -> None:
    """A port that is taken, or that we may not take, is told before anything is started."""
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except PermissionError:
        raise click.ClickException(
            f"Không được phép dùng cổng {port} (dưới 1024 cần quyền root): chọn cổng khác bằng --port hoặc biến PORT."
        ) from None
    except OSError:
        raise click.ClickException(
            f"Cổng {port} đang có chương trình khác dùng: dừng chương trình ấy, "
            "hoặc chọn cổng khác bằng --port hoặc biến PORT."
        ) from None


def _look_for_the_keys(made: Deployment) -> None:
    """Keys that open nothing of what the ledger has would be noticed citizen by citizen."""
    with made.shared.ledger.connect() as connection:
        shut = keys.shut(connection, made.shared.sealer, [one.oa for one in made])
    if shut:
        raise click.ClickException(
            f"HCC_SECRET_KEYS không mở được {', '.join(shut)} đã có trong sổ thông báo: {WRONG_KEYS}."
        )


def _run_procfile() -> int:
    os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    manager = Manager(Printer(cast(TextIO, _Output())))
    for name, command in procfile().items():
        manager.add_process(name, command, env=dict(os.environ), cwd=str(ROOT))
    manager.loop()
    return manager.returncode or 0


class _Output:
    """Standard output, for honcho. Where nobody reads it any more, all ends as by Ctrl-C.

    A fault of a write would break off honcho's loop, which does not end its processes then.
    """

    def isatty(self) -> bool:
        return sys.stdout.isatty()

    def write(self, words: str) -> None:
        self._try(lambda: sys.stdout.write(words))

    def flush(self) -> None:
        self._try(sys.stdout.flush)

    def _try(self, deed: Callable[[], object]) -> None:
        try:
            deed()
        except OSError:
            silence()
            signal.raise_signal(signal.SIGINT)
