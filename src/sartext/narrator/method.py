"""What a caption method is, and the counts that one keeps."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sartext.catalogue.entry import Entry, Kind
from sartext.narrator.facts import Facts, to_json


@dataclass
class Tally:
    """What was counted while a corpus was captioned."""

    images: int = 0
    captioned: int = 0
    dropped_boxes: int = 0
    uncaptioned: Counter[str] = field(default_factory=Counter)
    dropped_statements: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)


ReadIndex = Callable[[Sequence[str]], Iterable[Mapping[str, Any]]]
"""From names of columns to the rows of a corpus's index."""

RowFacts = Callable[[Mapping[str, Any], Tally], Facts | str]
"""From a row of a corpus's index, of a SAR image, to its facts or to why there are none."""


@dataclass(frozen=True)
class CaptionMethod:
    """A way to make captions; the registry ``narrator.methods`` lists them.

    Args:
        name: as tables and parameters give it.
        version: raised when its rules change.
        description: for the card of a release: where such a caption comes from.
        by_model: a model writes it: it enters the train split only, with the hash of the model.
        quotes: it quotes an optical caption, which a row holds beside it; else its facts are statements that can
            be compared one by one.
        score: what the score of a row means; empty where rows have none.
        row_facts: for each kind of corpora that the stage `captions` captions by it, what leads from a corpus's
            entry and index to what makes facts of a row; none where a stage of its own makes the captions.
    """

    name: str
    version: str
    description: str
    by_model: bool = False
    quotes: bool = False
    score: str = ""
    row_facts: Mapping[Kind, Callable[[Entry, ReadIndex], RowFacts]] = field(default_factory=dict)

    @property
    def annotated(self) -> bool:
        """Whether its facts come from annotations, and so prove what they state."""
        return not (self.by_model or self.quotes)

    def caption_row(
        self,
        image_id: str,
        caption: str,
        facts: Facts,
        *,
        source_caption: str | None = None,
        model_sha256: str | None = None,
        score: float | None = None,
    ) -> dict[str, Any]:
        """Return the row of a caption in the table of a corpus's captions."""
        return {
            "image_id": image_id,
            "caption": caption,
            "method": self.name,
            "method_version": self.version,
            "facts": to_json(facts),
            "source_caption": source_caption,
            "model_sha256": model_sha256,
            "prompt_sha256": None,
            "score": score,
        }
