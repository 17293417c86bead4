"""A registry: entries by name, and an error that names the nearest."""

from dataclasses import dataclass

import pytest

from sartext.errors import ParameterError
from sartext.registry import Registry


@dataclass(frozen=True)
class Fruit:
    name: str


FRUITS = Registry("fruit", (Fruit("pear"), Fruit("apple")))


def test_entries_are_found_by_name_and_stand_in_their_order() -> None:
    assert FRUITS["apple"] == Fruit("apple")
    assert FRUITS.names == ("pear", "apple")
    assert list(FRUITS) == [Fruit("pear"), Fruit("apple")]
    assert "pear" in FRUITS
    assert "plum" not in FRUITS


def test_an_unknown_name_is_an_error_that_names_the_nearest() -> None:
    with pytest.raises(ParameterError, match=r"params\.yaml: fruits: no fruit 'aple'; did you mean 'apple'\?"):
        FRUITS.get("aple", where="params.yaml: fruits")


def test_a_name_that_stands_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="two entries of the registry of fruits are called 'pear'"):
        Registry("fruit", (Fruit("pear"), Fruit("pear")))
