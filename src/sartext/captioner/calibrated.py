"""What the stage `calibration` leaves: what maps mean, which statements are released, and what was taught.

With the checkpoints that it names it is all that is needed to caption pictures.
"""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sartext.captioner.domain import Domain
from sartext.captioner.proof import map_figures
from sartext.captioner.thresholds import Rules, from_record, without
from sartext.errors import ArtefactError
from sartext.models.grounder.evidence import AGAIN, THRESHOLDS, MapModel, read_thresholds
from sartext.models.grounder.maps import Grounding
from sartext.narrator.statements import Statement
from sartext.narrator.vocabulary import Vocabulary


@dataclass(frozen=True)
class Calibration:
    """What the maps mean, and which statements are released; what captions talk about, and of which pictures.

    ``sensors`` are those of the corpora whose validation images tested each class, all that a corpus lists;
    ``length`` and ``beams`` are those of the captions that it was found on, ``models`` the SHA-256 of the weights
    of ``clip``, ``coca`` and ``grounder``.
    """

    maps: MapModel
    rules: Rules
    domain: Domain
    vocabulary: Vocabulary
    sensors: Mapping[str, frozenset[str]]
    length: int
    beams: int
    models: Mapping[str, str]

    @property
    def labels(self) -> frozenset[str]:
        """The classes and scenes that captions may name."""
        scenes = (scene.casefold() for scene in self.vocabulary.scenes)
        return frozenset({*self.vocabulary.things, *self.vocabulary.stuff, *scenes})

    def untested_on(self, sensors: Collection[str]) -> tuple[str, ...]:
        """Return the classes and scenes that were tested on none of these sensors, see `Entry.sensors`."""
        known = self.sensors
        return tuple(sorted(label for label in self.labels if known.get(label, frozenset()).isdisjoint(sensors)))

    def rules_on(self, sensors: Collection[str]) -> Rules:
        """Return the rules for images of these sensors: what was not tested on one of them is not released."""
        return without(self.rules, self.untested_on(sensors))


def read_calibration(folder: Path, **models: str | None) -> Calibration:
    """Return what the stage `calibration` found; arguments and errors as of `read_thresholds`."""
    record = read_thresholds(folder, **models)
    where = folder / THRESHOLDS
    rules = from_record(record.get("statements", {}), where)
    try:
        decoding = record["decoding"]
        return Calibration(
            MapModel.from_record(record["maps"]),
            rules,
            Domain.from_record(record["domain"]),
            _vocabulary(record["vocabulary"]),
            {label: frozenset(names) for label, names in dict(record["sensors"]).items()},
            int(decoding["length"]),
            int(decoding["beams"]),
            {name: str(record[f"{name}_sha256"]) for name in ("clip", "coca", "grounder")},
        )
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise ArtefactError(f"no calibration of this version ({error!r})", where=where, way_out=AGAIN) from error


def vocabulary_record(vocabulary: Vocabulary) -> dict[str, Any]:
    """Return a vocabulary as JSON holds it."""
    return {**asdict(vocabulary), "scene_classes": sorted(vocabulary.scene_classes)}


def _vocabulary(record: Mapping[str, Any]) -> Vocabulary:
    nouns, things, stuff = (
        {key: tuple(names) for key, names in dict(record[part]).items()} for part in ("nouns", "things", "stuff")
    )
    scenes, scene_classes = tuple(record["scenes"]), frozenset(record["scene_classes"])
    return Vocabulary(nouns, things, stuff, scenes, scene_classes, dict(record["hypernyms"]))


def map_score(statement: Statement, grounding: Grounding, calibration: Calibration) -> float:
    """Return the score of a statement by the maps alone: all other figures are as usual on validation images."""
    fit = calibration.rules[statement.kind].fit
    *_, log_probability, similarity = fit.mean  # what is unknown is as usual
    seen = map_figures(statement, calibration.maps.probability(statement, grounding), grounding)
    return fit.score((*seen, 0.0, log_probability, similarity))
