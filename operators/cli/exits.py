"""The exit statuses of `hcc`, in one table; scripts rely on them."""

from __future__ import annotations

from enum import IntEnum
from typing import Self

import click


class ExitCode(IntEnum):
    """A status: its number, and its meaning for operators."""

    OK = 0, "đã xong, hoặc mọi thứ đều ổn"
    FAULT = 1, "có lỗi: kiểm tra thấy lỗi, hoặc việc bị từ chối; câu in ra nói lỗi gì và cách sửa"
    USAGE = 2, "gõ lệnh sai: thiếu hoặc thừa tham số, tên lệnh hay giá trị không có"
    NOTHING = 3, "không có gì khớp: mã, số, tên hoặc điều kiện lọc không tìm thấy gì; không đổi gì"
    AWAY = 4, "một máy chủ không làm việc được (sổ thông báo, Redis, hàng đợi, CSDL hồ sơ, Zalo); thử lại sau"
    PARTLY = 5, "chỉ xong một phần; câu in ra nói phần nào chưa xong"
    INTERRUPTED = 130, "bị ngắt (Ctrl-C), hoặc người trực không đồng ý khi được hỏi"
    UNREAD = 141, "nơi đọc kết quả đã đóng (như `| head`); việc có thể đã làm xong, chỉ không in được hết"
    TERMINATED = 143, "bị dừng từ ngoài (SIGTERM: kill, systemd)"

    meaning: str

    def __new__(cls, number: int, meaning: str) -> Self:
        member = int.__new__(cls, number)
        member._value_ = number
        member.meaning = meaning
        return member


class Ended(click.ClickException):
    """A command ends with a sentence for operators and a documented exit status."""

    def __init__(self, sentence: str, code: ExitCode = ExitCode.FAULT) -> None:
        super().__init__(sentence)
        self.exit_code = code  # type: ignore[misc]  # of the class in click; here each instance has its own


def nothing(sentence: str) -> Ended:
    """Nothing matched what the operator named."""
    return Ended(sentence, ExitCode.NOTHING)
