"""Even choices from one number: which of the forms that fit a caption takes."""

from collections.abc import Sequence
from hashlib import blake2b
from typing import TypeVar

Option = TypeVar("Option")


class Choices:
    """A number whose digits, each in the base of its number of options, are independent choices.

    A number drawn evenly gives every option of every choice the same chance.
    """

    __slots__ = ("_rest",)

    def __init__(self, number: int) -> None:
        self._rest = number

    @classmethod
    def of(cls, seed: int, image_id: str, attempt: int = 0) -> "Choices":
        """Return the choices of an image: a hash of its id, the seed and the attempt (128 bits)."""
        name = f"{seed}/{image_id}/{attempt}" if attempt else f"{seed}/{image_id}"
        return cls(int.from_bytes(blake2b(name.encode("utf-8"), digest_size=16).digest(), "big"))

    def pick(self, options: Sequence[Option]) -> Option:
        """Return one of the options."""
        self._rest, place = divmod(self._rest, len(options))
        return options[place]

    def number(self) -> int:
        """Return what is left, of which other choices can be made, more than once."""
        return self._rest
