"""The channels: a room each, and this literal table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from worker.channels.channel import Channel
from worker.channels.paper import Paper
from worker.channels.phones import OpenAll
from worker.channels.sms.channel import SmsChannel
from worker.channels.sms.gateway import Gateway
from worker.channels.zalo import cs, template, zns
from worker.channels.zalo.tokens import Tokens
from worker.domain.forms import Filled
from worker.domain.notice import Notice


@dataclass(frozen=True, slots=True)
class Means:
    """What channels are built from."""

    tokens: Tokens
    openapi_url: str
    business_url: str
    remaining: Callable[[int], None]  # told how many calls Zalo says are left of the limit
    fill: Callable[[Notice], Filled]  # the data of an approved template
    open_phones: OpenAll
    gateway: Gateway
    sms_accents: bool
    paper_folder: Path


def _cs(means: Means) -> Channel:
    return cs.ZaloCs(means.tokens, means.openapi_url + cs.PATH, means.remaining)


def _template(means: Means) -> Channel:
    url = means.openapi_url + template.PATH
    return template.ZaloTemplate(means.tokens, url, means.remaining, means.fill)


def _zns(means: Means) -> Channel:
    url = means.business_url + zns.PATH
    return zns.Zns(means.tokens, url, means.remaining, fill=means.fill, open_phones=means.open_phones)


CHANNELS: Mapping[str, Callable[[Means], Channel]] = {
    "zalo_cs": _cs,
    "zalo_template": _template,
    "zns": _zns,
    "sms": lambda means: SmsChannel(means.gateway, means.open_phones, accents=means.sms_accents),
    "paper": lambda means: Paper(means.paper_folder),
}
