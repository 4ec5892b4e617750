"""One switch for each behaviour that Zalo leaves undocumented or a test varies; the default is the most likely one."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass
class Switches:
    """The names are the keys of POST /switches."""

    rate_per_minute: int = 4000
    latency_ms: int = 0  # half of it before the execution, half after

    everybody_known: bool = False  # any numeric user id and any phone is a follower who has just interacted
    rich_replies: bool = False  # CS replies carry sent_time and quota (documented) or not (recorded)
    old_token_dies: bool = True  # a refresh ends the previous access token at once
    require_proof: bool = False  # the appsecret_proof header is checked
    console_challenge: str = ""  # the single code challenge that the App's console page stores
    callback_url: str = ""  # the single redirect_uri that the App's console page stores

    oa_src: int = 0  # `src` of a chat row that the OA sent
    read_delay_ms: int = 0  # delay before a message appears in chat look-ups
    templates_in_conversation: bool = False  # whether the look-ups show templates sent by user id

    oa_state: int = 0  # a code that refuses every OA call, e.g. -209, -221, -223
    zns_state: int = 0  # a code that refuses every ZNS call, e.g. -105, -135, -138
    oa_money: int = 0  # a code that refuses every send, e.g. -211, -321
    zns_money: int = 0  # a code that refuses every ZNS send, e.g. -115, -137
    zns_daily_quota: int = 100_000  # sends by phone per day, then -144

    def turn(self, changes: Mapping[str, Any]) -> None:
        """Change some switches. Raises ValueError for an unknown switch or a wrong type; then none is changed."""
        for name, value in changes.items():
            if name not in asdict(self):
                raise ValueError(f"no switch {name!r}; there are {', '.join(asdict(self))}")
            wanted = type(getattr(self, name))
            if type(value) is not wanted:
                raise ValueError(f"switch {name!r} takes a {wanted.__name__}, not {value!r}")
        for name, value in changes.items():
            setattr(self, name, value)
