"""Lists what settings and ledger must know of each channel; the rest is in its room under `worker/channels/`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

USUAL: Final = "zalo_cs"
"""The channel that the ledger means by NULL: for the most frequent one nothing is written before a send."""


@dataclass(frozen=True, slots=True)
class ChannelFacts:
    """One channel, as those see it who do not build it; the names of settings are fields of `Settings`."""

    price: int = 0  # đồng per message, for SMS per segment; guesses to be replaced: docs/channels.md
    needs: tuple[str, ...] = ()  # settings without which it cannot send
    cure: str = ""  # where an operator gets them
    codes_if: str = ""  # the setting that lets one-time codes take it; empty: it carries none
    in_conversation: bool = False  # the provider certainly shows its messages there, so a doubt can be looked up
    returns_mark: bool = False  # its delivery events return our tracking id
    tells_arrival: bool = False  # its provider tells when the phone has the message


CHANNEL_FACTS: dict[str, ChannelFacts] = {
    "zalo_cs": ChannelFacts(price=55, in_conversation=True, tells_arrival=True),
    "zalo_template": ChannelFacts(price=140, tells_arrival=True),
    "zns": ChannelFacts(price=200, codes_if="proof_template", returns_mark=True, tells_arrival=True),
    "sms": ChannelFacts(
        price=350,
        needs=("sms_api_key", "sms_secret_key", "sms_brandname"),
        cure="lấy ở trang quản trị của cổng SMS",
        codes_if="proof_sms",
    ),
    "paper": ChannelFacts(),
}


def looked_up() -> list[str]:
    """The channels whose messages can be looked up in the person's conversation."""
    return [name for name, facts in CHANNEL_FACTS.items() if facts.in_conversation]


def shown_in_conversation(channel: str | None) -> bool:
    """Whether a message of this channel, as the ledger names it, can be looked up."""
    return (channel or USUAL) in looked_up()


def tells_arrival(channel: str | None) -> bool:
    """Whether one is told when the phone has a message of this channel, as the ledger names it."""
    facts = CHANNEL_FACTS.get(channel or USUAL)
    return facts is not None and facts.tells_arrival


def marked_by(channel: str | None) -> str:
    """The channel of a message whose delivery event returned our tracking id; `channel` is what the ledger has."""
    able = [name for name, facts in CHANNEL_FACTS.items() if facts.returns_mark]
    return channel if channel in able else able[0]
