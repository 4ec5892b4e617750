"""`hcc up`, `hcc migrate`, `hcc web`: run the whole system, migrate the ledger, run the web server."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, cast

import click

from operators.cli.context import deployment
from operators.cli.exits import Ended
from operators.cli.output import answer, as_json, examples, say
from operators.cli.ports import look_at
from operators.cli.progress import working

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from config.settings import Settings
    from sandbox.zalo.client import SandboxZalo
    from worker.services.bootstrap import Services
    from worker.services.deployment import Deployment

PORT = click.option(
    "--port",
    type=click.IntRange(1, 65535),
    envvar="PORT",
    default=8000,
    show_default=True,
    metavar="CỔNG",
    help="Cổng lắng nghe của web.",
)

_PORT_IS = "--port hoặc biến PORT"
_RUNS_ALREADY = (
    "`hcc up` đang chạy rồi trên thư mục này, chỉ chạy được một; các lệnh `hcc` khác dùng được ngay bên cạnh. "
    "Muốn chạy lại thì dừng cái đang chạy trước (Ctrl-C ở cửa sổ của nó)."
)


@click.command(
    short_help="Chạy tất cả: máy chủ nhúng (nếu chưa đặt URL), worker, beat, web, bàn điều khiển.",
    epilog=examples("hcc up", "hcc up --port 8001"),
)
@PORT
def up(port: int) -> None:
    """Chạy mọi tiến trình của Procfile đến khi Ctrl-C.

    Biến HCC_* nào chưa đặt thì dùng máy chủ nhúng, dữ liệu ở var/; chưa đặt ứng dụng Zalo thì dùng Zalo giả lập.
    """
    from config.oas import load_oas
    from config.settings import UP_ENV
    from ledger.migrate import migrate as migrate_ledger
    from operators.endings import alone, end_alike
    from operators.world import SERVERS, UP_LOCK, embedded, given
    from worker.services.deployment import Deployment

    end_alike()
    with ExitStack() as stack:
        stack.enter_context(alone(UP_LOCK, _RUNS_ALREADY))
        UP_ENV.unlink(missing_ok=True)  # left by a killed one: nobody else writes it while we hold the lock
        look_at(port, _PORT_IS)
        pages = _console_port()
        look_at(pages, "HCC_CONSOLE_PORT")
        added = stack.enter_context(embedded(SERVERS, given()))
        zalo = _sandbox_zalo(stack, added)
        if zalo is not None:
            added |= zalo_urls(zalo)
        os.environ.update(added | {"PORT": str(port)})
        made = Deployment(load_oas())
        migrate_ledger(made.shared.ledger)
        has_console = bool(made.shared.settings.console_database_url)
        if has_console:
            _migrate_console(made.shared.ledger, made.shared.settings)
        _look_for_the_keys(made)
        if zalo is not None:
            _import_token(next(iter(made)), zalo)
        _remember(added)
        stack.callback(UP_ENV.unlink, missing_ok=True)
        _tell_addresses(port, pages if has_console else None)
        if has_console and zalo is not None:
            _tell_admin(made.shared.ledger)
        made.close()
        sys.exit(_run_procfile(without=() if has_console else ("console",)))


@click.command(
    short_help="Nâng cấp sổ thông báo lên bản mới nhất.", epilog=examples("hcc migrate", "hcc migrate --json")
)
@as_json
def migrate(*, as_json: bool) -> None:
    """Chạy các bước nâng cấp còn thiếu của sổ thông báo."""
    from config.settings import load
    from ledger.base.engine import open_ledger
    from ledger.migrate import migrate as migrate_ledger
    from ledger.migrate import missing
    from operators.world import world

    with world(), working("Đang nâng cấp sổ thông báo"):
        settings = load("database_url")
        ledger = open_ledger(settings.database_url)
        lacking = missing(ledger)
        before, after = migrate_ledger(ledger)
        if settings.console_database_url:
            _migrate_console(ledger, settings)
        ledger.dispose()
    said = f"Sổ thông báo: {before or 'trống'} → {after}." if before != after else f"Sổ đã ở bản {after}."
    grants = _grants() if not settings.console_database_url else []
    answer(said, as_json=as_json, done=len(lacking), before=before, after=after, console_role=grants)
    if grants and not as_json:
        _tell_grants(grants)


@click.command(
    short_help="Chạy máy chủ web: webhook, trạng thái.",
    epilog=examples("hcc web", "hcc web --port 8001"),
)
@PORT
def web(port: int) -> None:
    """Chạy máy chủ web trên 127.0.0.1."""
    from operators.web import serve

    look_at(port, _PORT_IS)
    with deployment() as made:
        serve(made, port)


def _migrate_console(ledger: Engine, settings: Settings) -> None:
    from operators.cli.console import tell
    from operators.console.setup import migrate_console

    tell(migrate_console(ledger, settings))


def _grants() -> list[str]:
    """The statements that an administrator of the server runs once for the console's role."""
    from ledger.console import ROLE, grant_statements, role_statements

    return [f"CREATE ROLE {ROLE} LOGIN PASSWORD '…'", *role_statements(), *grant_statements()]


def _tell_grants(statements: Sequence[str]) -> None:
    say(
        "\nBàn điều khiển cần một tài khoản riêng (HCC_CONSOLE_DATABASE_URL). Quản trị máy chủ chạy một lần:",
        lines=True,
    )
    for statement in statements:
        say(f"  {statement};")


def _sandbox_zalo(stack: ExitStack, added: Mapping[str, str]) -> SandboxZalo | None:
    from sandbox.zalo.client import SandboxZalo

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
    from worker.channels.zalo.oauth import pair_of

    pair = pair_of(zalo.mint_tokens())
    with made.ledger.begin() as tx:
        made.credentials.store(tx, made.oa, pair)


def _remember(added: Mapping[str, str]) -> None:
    """Write the added settings to a file, for commands in other terminals."""
    from config.settings import UP_ENV, VAR

    VAR.mkdir(exist_ok=True)
    descriptor = os.open(UP_ENV, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.writelines(f"{name}={value}\n" for name, value in added.items())


def _look_for_the_keys(made: Deployment) -> None:
    """Check that the keys open the ledger's sealed data: otherwise citizen after citizen would fail.

    Raises `Ended`.
    """
    from ledger.base import keys
    from operators.reasons import WRONG_KEYS

    with made.shared.ledger.connect() as connection:
        shut = keys.shut(connection, made.shared.sealer, [one.oa for one in made])
    if shut:
        raise Ended(f"HCC_SECRET_KEYS không mở được {', '.join(shut)} đã có trong sổ thông báo: {WRONG_KEYS}.")


def _console_port() -> int:
    """Known before the settings are complete: what has not begun need not be undone."""
    from config.settings import preset
    from operators.world import given

    given_port = given().get("HCC_CONSOLE_PORT", "")
    return int(given_port) if given_port.isascii() and given_port.isdecimal() else int(preset("console_port"))


def _tell_addresses(port: int, pages: int | None) -> None:
    say(f"Web (sự kiện của Zalo, trạng thái): http://127.0.0.1:{port}")
    if pages is None:
        say("Bàn điều khiển không chạy: HCC_CONSOLE_DATABASE_URL chưa đặt.")
    else:
        say(f"Bàn điều khiển: http://127.0.0.1:{pages}")


def _tell_admin(ledger: Engine) -> None:
    """On the sandbox there is an administrator from the start, with a new password each time."""
    from operators.console.accounts import admin_of_sandbox

    name, password = admin_of_sandbox(ledger, "hcc up")
    say(f"  đăng nhập thử: {name}, mật khẩu của lần chạy này: {password}")


def _run_procfile(without: Collection[str]) -> int:
    from honcho.manager import Manager
    from honcho.printer import Printer

    from config.settings import ROOT
    from operators.processes import procfile

    os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    manager = Manager(Printer(cast(TextIO, _Output())))
    for name, command in procfile().items():
        if name in without:
            continue
        manager.add_process(name, command, env=dict(os.environ), cwd=str(ROOT))
    manager.loop()
    return manager.returncode or 0


class _Output:
    """Standard output for honcho. When its reader is gone, everything ends as by Ctrl-C.

    A failed write would otherwise break honcho's loop, which then does not end its processes.
    """

    def isatty(self) -> bool:
        return sys.stdout.isatty()

    def write(self, words: str) -> None:
        self._try(lambda: sys.stdout.write(words))

    def flush(self) -> None:
        self._try(sys.stdout.flush)

    def _try(self, deed: Callable[[], object]) -> None:
        from operators.endings import silence

        try:
            deed()
        except OSError:
            silence()
            signal.raise_signal(signal.SIGINT)
