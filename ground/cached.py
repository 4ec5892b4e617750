"""`functools.cached_property`, safe for threads also from Python 3.12 on.

Python 3.12 removed its lock: two threads that read a property for the first time at once would both make its value.
Here that would be two connection pools, one of them leaked.
"""

from __future__ import annotations

import functools
from threading import RLock
from typing import TYPE_CHECKING, Any

__all__ = ["cached_property"]

if TYPE_CHECKING:
    from functools import cached_property
else:

    class cached_property(functools.cached_property):  # noqa: N801 (named as what it replaces)
        """As in functools, but a value is made under its object's lock; once made, it is read without one."""

        def __get__(self, instance: Any, owner: type | None = None) -> Any:
            if instance is None:
                return self
            with vars(instance).setdefault("_making", RLock()):  # `setdefault` is atomic
                return super().__get__(instance, owner)
