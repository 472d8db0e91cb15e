"""Jobs in a kept order, with pages that stay put while jobs come and go."""

import bisect
from collections.abc import Iterator
from typing import Any, Generic, Protocol, TypeVar


class _Comparable(Protocol):
    def __lt__(self, other: Any, /) -> bool: ...


Key = TypeVar("Key", bound=_Comparable)
Item = TypeVar("Item")


class Roster(Generic[Key, Item]):
    """Items sorted by a unique key.

    Adding at the end, taking from the front and finding a key cost next to nothing for 100,000 items; that is
    how queues are used. A page is continued from the last key given, so no item is given twice or skipped.
    """

    def __init__(self) -> None:
        self._keys: list[Key] = []
        self._items: dict[Key, Item] = {}
        self._front = 0

    def __len__(self) -> int:
        return len(self._items)

    def __contains__(self, key: Key) -> bool:
        return key in self._items

    def add(self, key: Key, item: Item) -> None:
        """Put an item at its place."""
        if key not in self._items:
            if not self._keys or self._keys[-1] < key:
                self._keys.append(key)
            else:
                bisect.insort(self._keys, key, self._front)
        self._items[key] = item

    def remove(self, key: Key) -> None:
        """Take an item out; unknown keys are ignored."""
        if self._items.pop(key, None) is None:
            return
        place = bisect.bisect_left(self._keys, key, self._front)
        if place == self._front:
            self._front += 1
            if self._front > 1024 and self._front * 2 > len(self._keys):
                del self._keys[: self._front]
                self._front = 0
        else:
            del self._keys[place]

    def first(self) -> Item | None:
        """The item in front."""
        return self._items[self._keys[self._front]] if self._items else None

    def ascending(self, after: Key | None = None) -> Iterator[tuple[Key, Item]]:
        """Items from the front, or from behind a key."""
        place = self._front if after is None else bisect.bisect_right(self._keys, after, self._front)
        for index in range(place, len(self._keys)):
            key = self._keys[index]
            yield key, self._items[key]

    def descending(self, before: Key | None = None) -> Iterator[tuple[Key, Item]]:
        """Items from the end, or from in front of a key."""
        end = len(self._keys) if before is None else bisect.bisect_left(self._keys, before, self._front)
        for place in range(end - 1, self._front - 1, -1):
            key = self._keys[place]
            yield key, self._items[key]

    def starting_at(self, least: Key) -> Iterator[tuple[Key, Item]]:
        """Items whose key is not before `least`."""
        for place in range(bisect.bisect_left(self._keys, least, self._front), len(self._keys)):
            key = self._keys[place]
            yield key, self._items[key]
