"""Build the payment link: money is at stake, so it leads to the province's own page or is not built (R22)."""

from __future__ import annotations

import re
from collections.abc import Collection
from urllib.parse import quote

_PARAMETER = "mahoso"  # lower case, as the payment page reads it

# Stricter than the grammar of URLs: no user name, no fragment, and no backslash or blank. Browsers and libraries parse
# the latter differently, so the phone could open another host than the checked one.
_BASE = re.compile(r"https://(?P<host>[A-Za-z0-9.-]+)(?::[0-9]{1,5})?(?:/[^\s\\#?]*)?(?:\?[^\s\\#]*)?")


def check_payment_base(base_url: str, allowed_hosts: Collection[str]) -> None:
    """Raises `ValueError` with a sentence for the operator who set it, unless the base is https on an allowed host."""
    match = _BASE.fullmatch(base_url)
    if match is None:
        raise ValueError(
            "đường dẫn thanh toán phải có dạng https://máy-chủ/trang, không có tài khoản, dấu # hay dấu \\"
        )
    host = match["host"].lower()
    if host not in {allowed.lower() for allowed in allowed_hosts}:
        raise ValueError(f"đường dẫn thanh toán trỏ tới máy chủ lạ {host}; được phép: {', '.join(allowed_hosts)}")
    if f"{_PARAMETER}=" in base_url.lower():
        raise ValueError(f"đường dẫn thanh toán không được có sẵn {_PARAMETER}=; mã hồ sơ sẽ được nối vào sau")


def payment_link(base_url: str, code: str, allowed_hosts: Collection[str]) -> str:
    """The link for paying the fee of dossier `code`; the code is URL-encoded (R22).

    Raises `ValueError` if the base is not a page on an allowed host.
    """
    check_payment_base(base_url, allowed_hosts)
    joint = "&" if "?" in base_url else "?"
    return f"{base_url}{joint}{_PARAMETER}={quote(code, safe='')}"
