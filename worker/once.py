"""Parts that are made when they are first used, and once, however many threads come for one at the same moment."""

from __future__ import annotations

from collections.abc import Callable
from threading import RLock
from typing import Any, Generic, Self, TypeVar, overload

T = TypeVar("T")


class Parts:
    """Something whose parts are made `once`; they are plain attributes from then on."""

    def __init__(self) -> None:
        self.lock = RLock()

    def made(self, *parts: str) -> list[Any]:
        """Those of these parts that were made already."""
        return [self.__dict__[part] for part in parts if part in self.__dict__]


class once(Generic[T]):  # noqa: N801 (it reads as what it is, like `property`)
    """As `functools.cached_property`, which makes two where two threads come at once (from Python 3.12 on).

    That would be two pools of connections, one of them forgotten.
    """

    def __init__(self, make: Callable[[Any], T]) -> None:
        self._make = make
        self.__doc__ = make.__doc__

    def __set_name__(self, owner: type[Parts], name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type[Parts]) -> Self: ...
    @overload
    def __get__(self, instance: Parts, owner: type[Parts]) -> T: ...
    def __get__(self, instance: Parts | None, owner: type[Parts]) -> Self | T:
        if instance is None:
            return self
        with instance.lock:
            if self._name not in instance.__dict__:
                instance.__dict__[self._name] = self._make(instance)
            part: T = instance.__dict__[self._name]
            return part
