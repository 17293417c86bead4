"""How a caption is decoded: greedily, by a beam search, or drawn from the nucleus."""

from dataclasses import dataclass, replace
from math import isfinite

from sartext.errors import ParameterError
from sartext.models.decoding.captioning import Method

SEARCHED = 4
"""Beams of a search for which no number is told."""


@dataclass(frozen=True)
class Decoding:
    """A method and its options.

    Args:
        method: ``greedy``, ``beam`` or ``nucleus``.
        beams: of the beam search; the others have one.
        top_p: share of the probability that the nucleus holds.
        temperature: logits are divided by it before a draw.
        seed: of the draws. An image's draws follow from it and the image's own pixels, so that neither the batch
            nor the images beside it change them.
    """

    method: Method = "greedy"
    beams: int = 1
    top_p: float = 0.9
    temperature: float = 1.0
    seed: int = 0


GREEDY = Decoding()


def searching(beams: int) -> Decoding:
    """Return the beam search with that many beams; one beam is greedy."""
    return Decoding("beam", beams) if beams > 1 else GREEDY


def decoding_of(
    method: Method | None = None,
    beams: int | None = None,
    top_p: float | None = None,
    temperature: float | None = None,
    seed: int | None = None,
) -> Decoding:
    """Return the decoding that a person asked for; None is what was not told.

    Without a method it is greedy, or a beam search where several beams are told.

    Raises:
        ParameterError: an option is out of range, or of another method.
    """
    if method is None:
        method = "beam" if beams is not None and beams > 1 else "greedy"
    drawn = {"--top-p": top_p, "--temperature": temperature, "--seed": seed}
    foreign = [name for name, value in drawn.items() if value is not None and method != "nucleus"]
    if foreign:
        raise _other(", ".join(foreign), method, "nucleus")
    if beams is not None and beams > 1 and method != "beam":
        raise _other(f"--beams {beams}", method, "beam")
    if method == "beam":
        return Decoding(method, SEARCHED if beams is None else beams)
    if top_p is not None and not 0 < top_p <= 1:
        raise ParameterError(f"--top-p {top_p:g}", way_out="take a share above 0, at most 1")
    if temperature is not None and not (isfinite(temperature) and temperature > 0):
        raise ParameterError(f"--temperature {temperature:g}", way_out="take a number above 0")
    plain = Decoding(method)
    return replace(
        plain,
        top_p=plain.top_p if top_p is None else top_p,
        temperature=plain.temperature if temperature is None else temperature,
        seed=plain.seed if seed is None else seed,
    )


def _other(option: str, method: Method, needed: Method) -> ParameterError:
    return ParameterError(f"{option} with --method {method}", way_out=f"say --method {needed}, or leave it out")
