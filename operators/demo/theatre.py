"""Shows the play: a phone that fills with messages on a terminal, plain lines elsewhere."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Self

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from domain.clock import VIETNAM
from domain.guide import account_name
from operators.cli.output import say
from operators.demo.stage import CODE, Play

OA_NAME = account_name("tỉnh Hà Tĩnh")


class Theatre:
    """Shows each message as it arrives: live on a terminal, else line by line."""

    def __init__(self, play: Play, console: Console) -> None:
        self._play = play
        self._live = Live(self._picture(), console=console, refresh_per_second=8) if console.is_terminal else None

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop the live display and leave the last picture on the screen."""
        if self._live and self._live.is_started:
            self._live.update(self._picture())
            self._live.stop()

    def show(self, message: dict[str, Any]) -> None:
        """Show one more message."""
        if self._live:
            self._live.update(self._picture())
        else:
            say(f"── Zalo {_clock(message)} · {OA_NAME} → {message['user_id'][-4:]:0>4}\n{message['text']}", lines=True)

    def _picture(self) -> Group:
        bar = Table.grid(padding=(0, 1))
        total = 3 * self._play.count
        bar.add_row(ProgressBar(total=total, completed=len(self._play.messages), width=40),
                    f"{len(self._play.messages)}/{total} tin nhắn")  # fmt: skip
        bubbles = [Text(f"{message['text']}\n{_clock(message)}\n") for message in self._play.of_hero()]
        phone = Panel(Group(*bubbles), title=OA_NAME, subtitle=f"Hồ sơ {CODE}", width=72, border_style="blue")
        return Group(bar, phone)


def _clock(message: dict[str, Any]) -> str:
    return datetime.fromtimestamp(message["at"], VIETNAM).strftime("%H:%M:%S")
