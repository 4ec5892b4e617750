"""`hcc console`: the operators' pages; `hcc account`: who may sign in there."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from operators.cli.context import deployment
from operators.cli.exits import Ended, ExitCode
from operators.cli.input import typed
from operators.cli.output import accountable, answer, as_json, examples, not_done, print_json, print_table, say
from operators.cli.ports import look_at

if TYPE_CHECKING:
    from operators.console.accounts import Accounts
    from operators.console.models import Account
    from worker.services.deployment import Deployment

ROLES = ("viewer", "operator", "auditor", "admin")

_FAULTS, _WEAK = "accounts.faults.", "accounts.weak"
_NOT_SET = (
    "HCC_CONSOLE_DATABASE_URL: chưa đặt — như HCC_DATABASE_URL nhưng bằng tài khoản riêng; "
    "`hcc migrate` in ra các lệnh tạo tài khoản ấy."
)

_ROLE_FAULTS = {
    "no_role": "HCC_CONSOLE_DATABASE_URL: máy chủ chưa có tài khoản này",
    "no_schema": "HCC_CONSOLE_DATABASE_URL: tài khoản này chưa có search_path",
}


@click.command(short_help="Chạy bàn điều khiển: các trang cho cán bộ và người trực.", epilog=examples("hcc console"))
def console() -> None:
    """Chạy bàn điều khiển trên 127.0.0.1, cổng HCC_CONSOLE_PORT (8100)."""
    with _prepared() as made:
        from config.oas import load_oas
        from operators.console.server import serve_console
        from operators.console.setup import open_console

        port = made.shared.settings.console_port
        look_at(port, "HCC_CONSOLE_PORT")
        made.shared.ledger.dispose()
        say(f"Bàn điều khiển: http://127.0.0.1:{port}")
        serve_console(open_console(load_oas("database_url", "secret_keys", "zalo_oa_id")), port)


@click.group(short_help="Tài khoản của bàn điều khiển.")
def account() -> None:
    """Ai được đăng nhập bàn điều khiển, với vai trò nào."""


@account.command(
    short_help="Thêm tài khoản; mật khẩu hỏi hoặc đọc từ đầu vào chuẩn.",
    epilog=examples(
        "hcc account add lan --role operator --by Minh --why 'trực ca' < mat-khau.txt",
        "hcc account add hoa --role viewer --unit H27.37 --sign-on --by Minh --why 'một cửa'",
    ),
)
@click.argument("name", metavar="TÊN")
@click.option("--role", type=click.Choice(ROLES), required=True, help="Vai trò.")
@click.option("--unit", default="", metavar="MÃ", help="Đơn vị của cán bộ một cửa, ví dụ H27.37.")
@click.option("--sign-on", is_flag=True, help="Đăng nhập một lần, không có mật khẩu riêng.")
@accountable
@as_json
def add(*, name: str, role: str, unit: str, sign_on: bool, by: str, why: str, as_json: bool) -> None:
    """Thêm một tài khoản. Mật khẩu ít nhất 12 ký tự, không bao giờ nằm trên dòng lệnh."""
    with _accounts(by) as accounts:
        made = accounts.add(name, role, unit, None if sign_on else _password(), why=why)
        answer(f"Đã thêm tài khoản {made.username} ({role}).", as_json=as_json, done=1)


@account.command(
    "list", short_help="Liệt kê tài khoản.", epilog=examples("hcc account list", "hcc account list --json")
)
@as_json
def list_accounts(as_json: bool) -> None:
    """Mọi tài khoản: vai trò, đơn vị, lần đăng nhập cuối."""
    with _accounts("") as _:
        from operators.console.accounts import every_account

        rows = [
            {"name": one.username, "role": one.role, "unit": one.unit or None, "active": one.is_active,
             "last_login": one.last_login} for one in every_account()
        ]  # fmt: skip
    if as_json:
        print_json(rows)
    else:
        shown = [{**row, "active": "có" if row["active"] else "khóa"} for row in rows]
        columns = {"name": "Tên", "role": "Vai trò", "unit": "Đơn vị", "active": "Dùng được", "last_login": "Vào cuối"}
        print_table(columns, shown, empty="Chưa có tài khoản nào: hcc account add.")


@account.command(
    short_help="Đổi vai trò.", epilog=examples("hcc account role hoa --role operator --by Lan --why 'chuyển việc'")
)
@click.argument("name", metavar="TÊN")
@click.option("--role", type=click.Choice(ROLES), required=True, help="Vai trò mới.")
@click.option("--unit", default="", metavar="MÃ", help="Đơn vị của cán bộ một cửa.")
@accountable
@as_json
def role(*, name: str, role: str, unit: str, by: str, why: str, as_json: bool) -> None:
    """Cho tài khoản một vai trò khác."""
    with _accounts(by) as accounts:
        accounts.change_role(_named(name, as_json=as_json), role, unit, why=why)
        answer("Đã đổi vai trò.", as_json=as_json, done=1)


@account.command(
    short_help="Đặt lại mật khẩu.",
    epilog=examples("hcc account password hoa --by Lan --why 'quên mật khẩu' < mat-khau.txt"),
)
@click.argument("name", metavar="TÊN")
@accountable
@as_json
def password(*, name: str, by: str, why: str, as_json: bool) -> None:
    """Đặt lại mật khẩu, hỏi hoặc đọc từ đầu vào chuẩn; mọi phiên và lớp xác thực thứ hai hết hiệu lực."""
    with _accounts(by) as accounts:
        accounts.change_password(_named(name, as_json=as_json), _password(), why=why)
        answer("Đã đặt mật khẩu; xác thực hai lớp phải bật lại.", as_json=as_json, done=1)


@account.command(short_help="Xóa tài khoản.", epilog=examples("hcc account remove hoa --by Lan --why 'nghỉ việc'"))
@click.argument("name", metavar="TÊN")
@accountable
@as_json
def remove(*, name: str, by: str, why: str, as_json: bool) -> None:
    """Xóa tài khoản; những gì tài khoản đã làm vẫn còn trong nhật ký."""
    with _accounts(by) as accounts:
        accounts.remove(_named(name, as_json=as_json), why=why)
        answer("Đã xóa tài khoản.", as_json=as_json, done=1)


@contextmanager
def _prepared() -> Iterator[Deployment]:
    """The deployment, with the console's tables there. An embedded console is migrated automatically."""
    from operators.world import given

    embedded = "HCC_DATABASE_URL" not in given()
    with deployment() as made:
        settings = made.shared.settings
        if not settings.console_database_url:
            raise Ended(_NOT_SET)
        from operators.console.setup import lacks_migrations, migrate_console, set_up_django

        if embedded:
            tell(migrate_console(made.shared.ledger, settings))
        set_up_django(settings)
        if lacks_migrations():
            raise Ended("Bảng của bàn điều khiển chưa mới: chạy `hcc migrate`.")
        yield made


def tell(fault: str | None) -> None:
    """Raises `Ended` for a fault of `migrate_console`."""
    if fault is not None:
        raise Ended(f"{_ROLE_FAULTS[fault]}; `hcc migrate` không có biến ấy in ra các lệnh cần chạy.")


@contextmanager
def _accounts(by: str) -> Iterator[Accounts]:
    """Raises `Ended` for what cannot be done."""
    with _prepared() as made:
        from operators.console.accounts import AccountFault, Accounts
        from operators.console.words import named as name_of
        from operators.console.words import word

        try:
            yield Accounts(made.shared.ledger, by)
        except AccountFault as fault:
            told = [word("vi", _FAULTS + fault.key), *(name_of("vi", _WEAK, one) for one in fault.told)]
            raise Ended(" ".join(told)) from None


def _named(name: str, *, as_json: bool) -> Account:
    """The account. Raises `Ended` if there is none."""
    from operators.console.accounts import named

    found = named(name)
    if found is None:
        raise not_done(f"Không có tài khoản «{name}».", as_json=as_json, name=name, why="not found")
    return found


def _password() -> str:
    """Asked twice on a terminal, else the first line of standard input."""
    if sys.stdin.isatty():
        answer: str = click.prompt("Mật khẩu", hide_input=True, confirmation_prompt="Gõ lại mật khẩu", err=True)
        return answer
    lines = typed().splitlines()
    if not lines or not lines[0]:
        raise Ended("Cần mật khẩu ở đầu vào chuẩn.", ExitCode.USAGE)
    return lines[0]
