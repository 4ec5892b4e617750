"""`hcc`: the operators' command line. There is one file per noun; the table below is the index.

To add a command: write it in a module of this folder, and add its row to the table. The module is imported when the
command is used, so it imports what is heavy (the rooms, SQLAlchemy, rich) inside the functions that need it.
"""

from __future__ import annotations

import io
import sys

import click

from operators.cli.exits import ExitCode
from operators.cli.lazy import ASKS_FOR_HELP, CommandRow, LazyGroup
from operators.cli.output import NO_VIETNAMESE, say, shows_vietnamese, unread_ends
from operators.cli.vietnamese import in_vietnamese, speak_vietnamese

SECTIONS: dict[str, dict[str, CommandRow]] = {
    "Hằng ngày": {
        "doctor": CommandRow("doctor.doctor", "Kiểm tra cấu hình, kết nối, đồng hồ, token, mẫu tin."),
        "dossier": CommandRow("dossier.dossier", "Mọi thông báo, lần gửi và lý do của một hồ sơ."),
        "why": CommandRow("why.why", "Vì sao người dân (chưa) nhận được tin của một hồ sơ."),
        "person": CommandRow("person.person", "Hồ sơ và tin của một số điện thoại (số ở đầu vào chuẩn)."),
        "dead": CommandRow("dead.dead", "Thông báo chết: xem, gửi lại, bỏ."),
        "uncertain": CommandRow("uncertain.uncertain", "Thông báo không rõ đã đến chưa: xem, kết luận."),
        "unreachable": CommandRow("unreachable.unreachable", "Thông báo chưa có cách đến người dân: xem."),
        "expired": CommandRow("expired.expired", "Thông báo quá hạn: xem, gửi lại."),
        "quarantine": CommandRow("quarantine.quarantine", "Thông báo tạm giữ: xem, cho gửi, bỏ."),
        "retries": CommandRow("retries.retries", "Thông báo đang hẹn giờ: khi nào gửi, vì sao, đã thử mấy lần."),
        "hold": CommandRow("hold.hold", "Việc tạm giữ theo lời Zalo: xem, bỏ giữ."),
        "switch": CommandRow("switch.switch", "Tạm dừng gửi một loại, kênh, đơn vị, OA hoặc tất cả."),
        "audit": CommandRow("audits.audit", "Nhật ký việc người trực đã làm: xem, kiểm tra không bị sửa."),
        "act": CommandRow("acts.act", "Việc làm hàng loạt: xem, dừng, làm tiếp."),
        "alarm": CommandRow("alarms.alarm", "Báo động: đang có gì, gửi thử."),
        "events": CommandRow("events.events", "Sự kiện của Zalo chưa đọc được: xem, thử lại, bỏ."),
    },
    "Báo cáo": {
        "report": CommandRow("report.report", "Báo cáo theo ngày và đơn vị."),
        "staff": CommandRow("staff.staff", "Cán bộ nhận số liệu của đơn vị."),
    },
    "Cài đặt": {
        "oa": CommandRow("oa.oa", "Quyền gửi tin của Official Account."),
        "source": CommandRow("source.source", "Bản đồ CSDL hồ sơ."),
        "follower": CommandRow("followers.follower", "Người quan tâm OA và số điện thoại của họ."),
        "units": CommandRow("units.units", "Danh sách đơn vị: nhập từ tệp CSV, xem."),
        "poster": CommandRow("poster.poster", "Áp phích mã QR và hướng dẫn của đơn vị: A4, A5, PDF, PNG."),
        "preview": CommandRow("preview.preview", "Xem trước nội dung một loại thông báo."),
        "template": CommandRow("template.template", "Nội dung tin: các bản, đề xuất, duyệt, quay lại."),
        "templates": CommandRow("templates.templates", "Mẫu tin đã duyệt của Zalo."),
        "account": CommandRow("console.account", "Tài khoản của bàn điều khiển."),
        "connections": CommandRow(
            "connections.connections", "Hệ thống mở nhiều nhất bao nhiêu kết nối, máy chủ có đủ không."
        ),
    },
    "Vận hành": {
        "up": CommandRow("up.up", "Chạy tất cả: máy chủ nhúng (nếu chưa đặt URL), worker, beat, web, bàn điều khiển."),
        "web": CommandRow("up.web", "Chạy máy chủ web: webhook, trạng thái."),
        "console": CommandRow("console.console", "Chạy bàn điều khiển: các trang cho cán bộ và người trực."),
        "migrate": CommandRow("up.migrate", "Nâng cấp sổ thông báo lên bản mới nhất."),
        "poll": CommandRow("poll.poll", "Hỏi CSDL hồ sơ một lượt."),
        "purge": CommandRow("purge.purge", "Xóa ngay những gì quá hạn lưu giữ."),
        "restore": CommandRow("restore.restore", "Kiểm lại sổ vừa phục hồi từ bản sao lưu."),
    },
    "Làm quen": {
        "demo": CommandRow("demo.demo", "Xem toàn bộ đường đi của một thông báo, ngay trên máy này."),
        "completion": CommandRow("completion.completion", "Tự hoàn thành lệnh trong bash, zsh, fish."),
        "help": CommandRow("help.help_", "Trợ giúp của một lệnh, hoặc bảng mã thoát."),
    },
}
"""Section of `hcc --help` → command → where it is and what it does, in the words of its own `short_help`."""

speak_vietnamese()


def _version(context: click.Context, _option: click.Parameter, wanted: bool) -> None:
    if not wanted or context.resilient_parsing:
        return
    from importlib.metadata import version

    from ledger.migrate import newest

    say(f"hcc {version('hcc-notify')}, sổ thông báo bản {newest()}")
    context.exit()


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="\b\nhcc LỆNH --help       cách dùng và ví dụ của một lệnh\nhcc help exit-codes   các mã thoát",
)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="In phiên bản và bản của sổ."
)
@click.pass_context
def hcc(context: click.Context) -> None:
    """HCC Notify: báo cho công dân trên Zalo về hồ sơ của họ."""
    if not context.meta[ASKS_FOR_HELP]:  # help logs nothing, and needs no settings
        from config.logs import set_up_logs
        from config.settings import early_log_format

        set_up_logs("WARNING", early_log_format())


hcc.sections = SECTIONS
in_vietnamese(hcc)


def main() -> None:
    """Run a command. A fault becomes one sentence and a documented exit status, never a traceback."""
    if not shows_vietnamese(sys.stdout):
        sys.exit(NO_VIETNAMESE)
    try:
        with unread_ends():
            sys.exit(_run())
    except click.exceptions.Exit as leave:
        sys.exit(leave.exit_code)


def _run() -> int:
    """Run the command of the command line, and say what went wrong; returns the exit status."""
    try:
        status = hcc(standalone_mode=False)  # click returns the status of an `Exit`, and None from our commands
    except click.Abort:  # Ctrl-C, or the answer no
        say("Đã dừng.", err=True)
        return ExitCode.INTERRUPTED
    except click.ClickException as error:
        _show(error)
        return error.exit_code
    except Exception as error:  # noqa: BLE001 (the last resort; the text, which may be personal data, is not shown)
        return _end(error)
    return status if isinstance(status, int) else ExitCode.OK


def _end(error: Exception) -> ExitCode:
    """Say what the error means; returns the exit status."""
    from operators.reasons import is_away, sentence_of

    say(sentence_of(error) or _unexpected(error), lines=True, err=True)
    return ExitCode.AWAY if is_away(error) else ExitCode.FAULT


def _show(error: click.ClickException) -> None:
    """Show the error as click does, with the usage line, but escape it: it may quote any typed text."""
    told = io.StringIO()
    error.show(file=told)
    say(told.getvalue().rstrip("\n").expandtabs(2), lines=True, err=True)


def _unexpected(error: Exception) -> str:
    """A sentence for an unexpected error; writes a file with types and code locations for the maintainers."""
    from config.faults import keep, named

    command = " ".join(["hcc", *(word for word in sys.argv[1:3] if word.isidentifier())])
    number, file = keep(error, command)
    where = f"gửi kèm tệp {file}" if file else "không ghi được tệp chi tiết"
    return f"Lỗi ngoài dự kiến số {number} ({named(error)}) khi chạy `{command}`; báo cho người bảo trì, {where}."
