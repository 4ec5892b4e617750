"""`hcc completion`: the script with which a shell completes our commands, printed or installed."""

from __future__ import annotations

import os
from pathlib import Path

import click

from operators.cli.output import examples, say

_FILES = {
    "bash": ("XDG_DATA_HOME", ".local/share", "bash-completion/completions/hcc"),
    "zsh": ("XDG_DATA_HOME", ".local/share", "zsh/site-functions/_hcc"),
    "fish": ("XDG_CONFIG_HOME", ".config", "fish/completions/hcc.fish"),
}
"""Shell → the variable of its base folder, that folder below the home folder, and the file that the shell reads."""

_ZSH = "Thêm vào ~/.zshrc, trước compinit: fpath=({} $fpath)"


@click.command(
    short_help="Tự hoàn thành lệnh trong bash, zsh, fish.",
    epilog=examples('eval "$(hcc completion bash)"', "hcc completion fish --install"),
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]), metavar="bash|zsh|fish")
@click.option("--install", is_flag=True, help="Ghi vào thư mục của shell, để có trong mọi cửa sổ mới.")
@click.pass_context
def completion(context: click.Context, shell: str, *, install: bool) -> None:
    """In đoạn lệnh để shell tự hoàn thành lệnh, loại thông báo, tên OA; --install: ghi vào thư mục của shell."""
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    if kind is None:  # click has no such shell any more
        raise click.UsageError(f"không có đoạn lệnh cho {shell}")
    script = kind(context.find_root().command, {}, "hcc", "_HCC_COMPLETE").source()
    if not install:
        say(script, lines=True)
        return
    file = _file_of(shell)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(script, "utf-8")
    say(f"Đã ghi {file}; mở cửa sổ mới để dùng.")
    if shell == "zsh":
        say(_ZSH.format(file.parent))


def _file_of(shell: str) -> Path:
    variable, folder, file = _FILES[shell]
    base = os.environ.get(variable)
    return (Path(base) if base else Path.home() / folder) / file
