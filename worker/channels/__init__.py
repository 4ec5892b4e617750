"""Lists the channels in a literal table; each has a room that says everything about it in its row.

To add one: a module or package here with its `ROW`, a line in CHANNELS, and its facts in `config/channels.py`.
"""

from __future__ import annotations

from collections.abc import Mapping

from worker.channels import paper
from worker.channels.row import ChannelRow
from worker.channels.sms import channel as sms
from worker.channels.zalo import cs, template, zns

CHANNELS: Mapping[str, ChannelRow] = {
    "zalo_cs": cs.ROW,
    "zalo_template": template.ROW,
    "zns": zns.ROW,
    "sms": sms.ROW,
    "paper": paper.ROW,
}
