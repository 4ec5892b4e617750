"""The gateways that SMS may go through: a file each, and this literal table."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from worker.channels.sms.esms import Esms
from worker.channels.sms.gateway import Gateway

GATEWAYS: Mapping[str, Callable[[str, str, str, str], Gateway]] = {"esms": Esms}
"""By the name of HCC_SMS_GATEWAY; each takes its address, the two keys and the brand name."""
