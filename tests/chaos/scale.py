"""How large a chaos run is: short within the suite, whole with `make chaos`; a seed repeats a run."""

from __future__ import annotations

import os

import pytest

NOTICES = int(os.environ.get("HCC_CHAOS_NOTICES", "180"))
SEED = int(os.environ.get("HCC_CHAOS_SEED", "20240219"))
SHORT = NOTICES < 1000
BLOWS = 2 if SHORT else 5
CHILDREN = 1 if SHORT else 2  # processes of each worker; there are two workers

PATIENCE = 60.0 + NOTICES / 10  # seconds from the last blow until all must be done
SHORT_PATIENCE = 8.0  # seconds after which a short run no longer waits for look-ups: the last comes after 40 s
TEST_SECONDS = 120 + NOTICES / 2  # no test is allowed longer

whole_only = pytest.mark.skipif(SHORT, reason="the suite plays another run of this incident; `make chaos` plays both")
