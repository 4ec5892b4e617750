"""Sends alarms and reports by mail, in plain text, through the province's own mail server."""

from __future__ import annotations

import platform
import smtplib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from urllib.parse import unquote, urlsplit

_SECONDS = 10.0
_PORTS = {"smtp": 25, "smtp+tls": 587, "smtps": 465}


class MailFault(Exception):  # noqa: N818 (a state of the world, as callers read it)
    """The mail server did not accept a mail. The text contains no address."""


@dataclass(frozen=True, slots=True)
class MailFile:
    """A file that goes with a mail; `media_type` as 'application/pdf'."""

    name: str
    media_type: str
    content: bytes


def send_mail(
    url: str,
    sender: str,
    receivers: Sequence[str],
    subject: str,
    body: str,
    *,
    file: MailFile | None = None,
    name: str | None = None,
) -> None:
    """Send one mail (HCC_MAIL_URL; RFC 5321, RFC 8314). Raises `MailFault`.

    `name` identifies it: a mail that is sent again under the same name has the same Message-ID, by which mail programs
    recognise the copy.
    """
    host = platform.node() or "localhost"
    mail = EmailMessage()
    mail["From"] = sender or f"hcc-notify@{host}"
    mail["To"] = ", ".join(receivers)
    mail["Subject"] = subject
    mail["Date"] = formatdate()
    mail["Message-ID"] = f"<{name}@{host}>" if name else make_msgid(domain=host)
    mail.set_content(body)
    if file is not None:
        main, _, sub = file.media_type.partition("/")
        mail.add_attachment(file.content, maintype=main, subtype=sub, filename=file.name)
    try:
        _deliver(url, mail)
    except (smtplib.SMTPException, OSError) as fault:
        raise MailFault(f"the mail server did not take it ({type(fault).__name__})") from None


def _deliver(url: str, mail: EmailMessage) -> None:
    parts = urlsplit(url)
    place = parts.hostname or "localhost", parts.port or _PORTS[parts.scheme]
    if parts.scheme == "smtps":
        server: smtplib.SMTP = smtplib.SMTP_SSL(*place, timeout=_SECONDS, context=ssl.create_default_context())
    else:
        server = smtplib.SMTP(*place, timeout=_SECONDS)
    with server:
        if parts.scheme == "smtp+tls":
            server.starttls(context=ssl.create_default_context())
        if parts.username:
            server.login(unquote(parts.username), unquote(parts.password or ""))
        server.send_message(mail)
