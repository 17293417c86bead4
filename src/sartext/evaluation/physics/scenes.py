"""The scenes of a physics set: composed as those of the embedded corpora, from seeds that no corpus has."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from hashlib import blake2b
from itertools import count
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sartext.catalogue.entry import Entry
from sartext.catalogue.loading import PACKAGED, load_entry
from sartext.config import SimulationParameters
from sartext.corpora.masks import summarise_mask
from sartext.narrator.facts import Facts, RowFacts, Tally, normalise
from sartext.narrator.realisation import canonical
from sartext.narrator.stage import row_facts_of
from sartext.narrator.vocabulary import Vocabulary, annotated_by, vocabulary_of
from sartext.simulation.composition import shoot
from sartext.simulation.radar import Acquisition, radar_box
from sartext.simulation.rendering import COVER_LABELS
from sartext.simulation.truth import Scene, on_pixels

RECIPES: Final = ("sim-ships", "sim-objects", "sim-landcover")
"""The corpora whose scenes are composed, in turn: the annotated ones, each told as its annotation tells it."""

OWN: Final = 1 << 127
"""The least seed of a physics set; those of the parameters are ordinary numbers, far below it."""


@dataclass(frozen=True, eq=False)
class PhysicsScene:
    """A scene, ``<corpus>/<number>``, with the facts that an annotation of its corpus would give of it.

    The name is the group that intervals are drawn over; the looks of its acquisition are the setting's.
    """

    name: str
    corpus: str
    number: int
    scene: Scene
    acquisition: Acquisition
    facts: Facts

    @cached_property
    def caption(self) -> str:
        """The facts in the grammar's plain words."""
        return canonical(self.facts)

    @cached_property
    def key(self) -> str:
        """Equal for scenes whose captions say the same."""
        return normalise(self.facts)

    @property
    def decided(self) -> frozenset[str]:
        """The classes whose presence and absence the annotation decides, see `annotated_by`."""
        return annotated_by(entry_of(self.corpus))


def own_parameters(parameters: SimulationParameters, seed: int) -> SimulationParameters:
    """Return the parameters of the simulation with the seed of a physics set.

    It has 128 bits, the highest set, the others a hash of ``seed``. The random streams of the simulation begin
    with the seed's bits, so no set of parameters with a seed below `OWN` shares a stream, and with it a scene.
    """
    digest = blake2b(f"physics/{seed}".encode(), digest_size=16).digest()
    return parameters.model_copy(update={"seed": OWN | int.from_bytes(digest, "big")})


def compose_scenes(own: SimulationParameters, scenes: int) -> list[PhysicsScene]:
    """Compose some scenes by the recipes in turn; those of which no caption can be made are passed over."""
    sources = [_scenes(own, corpus) for corpus in RECIPES]
    return [next(sources[number % len(sources)]) for number in range(scenes)]


def _scenes(own: SimulationParameters, corpus: str) -> Iterator[PhysicsScene]:
    for number in count():
        shot = shoot(corpus, number, own)
        facts = annotate(corpus, shot.scene, shot.acquisition)
        if facts is not None:
            name = f"{corpus}/{number}"
            yield PhysicsScene(name, corpus, number, shot.scene, shot.acquisition, facts)


def annotate(corpus: str, scene: Scene, acquisition: Acquisition) -> Facts | None:
    """Return the facts that the annotation of a corpus would give of a scene; None where it gives none.

    They are made as the stages make them: boxes as the radar shows the objects, or objects and regions of the
    mask, then the rules of A2C or SA2C. No mask has a swath edge or blended colours, as some of the corpus have.
    """
    entry = entry_of(corpus)
    row: dict[str, Any] = {"objects": (), "regions": (), "width": scene.size, "height": scene.size}
    if entry.kind == "segmentation":
        mask = summarise_mask(class_map(scene, entry), entry)
        row |= {"objects": mask.objects, "regions": mask.regions}
    else:
        row["objects"] = [_box(scene, index, acquisition) for index in range(len(scene.things))]
    facts = _row_facts(corpus)(row, Tally())
    return None if isinstance(facts, str) else facts


def class_map(scene: Scene, entry: Entry) -> npt.NDArray[np.int16]:
    """Return the place in the catalogue of the class of each pixel, as a mask of the corpus would give it."""
    places = {known.label: place for place, known in enumerate(entry.classes)}
    cover = np.array([places[COVER_LABELS[known]] for known in COVER_LABELS], dtype=np.int16)
    classes = cover[scene.land_cover()]
    ships = [index for index, thing in enumerate(scene.things, start=1) if thing.label == "ship"]
    classes[np.isin(on_pixels(scene.owner, scene.size), ships)] = places["ship"]
    return np.asarray(classes)


def _box(scene: Scene, index: int, acquisition: Acquisition) -> dict[str, Any]:
    corners = zip(("xmin", "ymin", "xmax", "ymax"), radar_box(scene, index, acquisition), strict=True)
    return {"label": scene.things[index].label, "angle": None, **dict(corners)}


@lru_cache
def entry_of(corpus: str) -> Entry:
    """Return the catalogue entry of an embedded corpus, as the package has it."""
    return load_entry(PACKAGED / f"{corpus}.yaml")


@lru_cache
def vocabulary() -> Vocabulary:
    """Return what captions of these scenes talk about."""
    return vocabulary_of(map(entry_of, RECIPES))


def noun_of(corpus: str, label: str) -> str:
    """Return how captions of a corpus call one object of a class, in lower case."""
    nouns: Mapping[str, str] = {known.label: known.noun.casefold() for known in entry_of(corpus).classes}
    return nouns[label]


@lru_cache
def _row_facts(corpus: str) -> RowFacts:
    return row_facts_of(entry_of(corpus), Path())  # the index is read for captions of pairs alone
