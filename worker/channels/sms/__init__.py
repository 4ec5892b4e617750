"""Lists the SMS gateways in a literal table; each has its own file."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from worker.channels.sms.esms import Esms
from worker.channels.sms.gateway import Gateway

GATEWAYS: Mapping[str, Callable[[str, str, str, str], Gateway]] = {"esms": Esms}
"""Keyed by the value of HCC_SMS_GATEWAY; each takes its address, the two keys and the brand name."""
