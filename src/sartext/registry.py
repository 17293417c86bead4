"""A registry: the one list of a kind of thing that grows, from which everything else about it is derived."""

from collections.abc import Iterable, Iterator
from typing import Generic, Protocol, TypeVar

from sartext.errors import ParameterError, nearest


class Named(Protocol):
    """What a registry holds: anything with a name of its own."""

    @property
    def name(self) -> str:
        """By which parameters, catalogue files and tables call it."""


EntryT = TypeVar("EntryT", bound=Named)


class Registry(Generic[EntryT]):
    """Entries by name, in the order in which they are shown.

    Args:
        kind: what an entry is, such as ``caption method``, for errors.
        entries: the entries; each is defined in one file and listed once.

    Raises:
        ValueError: two entries have the same name.
    """

    def __init__(self, kind: str, entries: Iterable[EntryT]) -> None:
        self.kind = kind
        self._entries: dict[str, EntryT] = {}
        for entry in entries:
            if entry.name in self._entries:
                raise ValueError(f"two entries of the registry of {kind}s are called '{entry.name}'")
            self._entries[entry.name] = entry

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the entries, in order."""
        return tuple(self._entries)

    def __getitem__(self, name: str) -> EntryT:
        return self.get(name)

    def get(self, name: str, *, where: object = None) -> EntryT:
        """Return an entry by its name; ``where`` is the file or parameter that gave it, for the error.

        Raises:
            ParameterError: no entry has this name; the message holds the nearest one.
        """
        if name not in self._entries:
            raise ParameterError(f"no {self.kind} '{name}'", where=where, way_out=nearest(name, self._entries))
        return self._entries[name]

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[EntryT]:
        return iter(self._entries.values())
