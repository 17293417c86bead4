"""How many pictures fit into memory at a time, where that is fewer than was asked for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch

from sartext.errors import DecodingError
from sartext.models.memory import is_shortage

T = TypeVar("T")
R = TypeVar("R")


@dataclass
class Fitting:
    """Works on items in parts, and halves the parts when memory runs out.

    Args:
        size: items at a time. It only ever falls: what did not fit is not tried again.
        setting: the option or parameter that ``size`` came from.
    """

    size: int
    setting: str

    def over(self, items: Sequence[T], work: Callable[[Sequence[T]], list[R]]) -> list[R]:
        """Return the results of ``work``, which gives one for each item, in their order.

        Raises:
            DecodingError: not even one item fits.
        """
        done: list[R] = []
        while len(done) < len(items):
            some = items[len(done) : len(done) + self.size]
            try:
                done += work(some)
                continue
            except Exception as error:
                if not is_shortage(error):
                    raise
                shortage = error.with_traceback(None)  # its frames hold the tensors that did not fit
            self._halve(len(some), shortage)
        return done

    def _halve(self, tried: int, shortage: Exception) -> None:
        if tried == 1:
            raise DecodingError(
                f"out of memory with one picture at a time, {self.setting} notwithstanding",
                way_out="end what else holds memory there, take fewer beams, a smaller model or another device",
            ) from shortage
        self.size = tried // 2
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
