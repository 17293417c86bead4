"""The record of one corpus."""

import re
from datetime import date
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from sartext.config import Section

Kind = Literal["detection", "segmentation", "scene-classification", "pairs", "captions", "unlabelled"]
Quantity = Literal["display", "amplitude", "intensity", "complex", "db"]
Condition = Literal[
    "citation",
    "no-derivatives",
    "no-redistribution",
    "non-commercial",
    "on-request",
    "research-only",
    "share-alike",
]
"""What a licence, or an author's page, makes the use of a corpus depend on."""


def _compiles(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"not a regular expression ({error})") from error
    return value


Expression = Annotated[str, AfterValidator(_compiles)]
Names = Annotated[tuple[str, ...], BeforeValidator(lambda value: (value,) if isinstance(value, str) else value)]
TextField = Literal["image", "caption", "question", "answer", "split"]


class CorpusClass(Section):
    """One class of a corpus: how the source writes it and how a caption says it.

    ``source`` are the labels in annotation files; ``code`` is its value in a mask of class codes, ``colour``
    its RGB in a palette mask. ``stuff`` is land cover, described by its share; a thing is counted. A ``rare``
    stuff class (oil spill) is described from one connected component of at least ten pixels on. ``exhaustive``:
    every instance is annotated, so that absence is a fact. A class with ``say: false`` (not water, unknown)
    counts in the denominator and is never described; one with ``valid: false`` is no-data. Of a corpus of scene
    classes ``noun`` is what a caption says that the image shows ("a residential area").
    """

    label: str
    source: tuple[str, ...] = ()
    code: int | None = None
    colour: tuple[int, int, int] | None = None
    noun: str
    plural: str
    hypernym: str
    stuff: bool = False
    rare: bool = False
    exhaustive: bool = True
    say: bool = True
    valid: bool = True
    db_range: tuple[float, float] | None = Field(
        None, description="mean dB that is expected of the class's pixels, for calibrated corpora"
    )


class AngleConvention(Section):
    """What the angle of a turned box means.

    Its ``unit``, the ``side`` that is turned from the x axis by it, and the ``sense``, as seen in the image.
    """

    unit: Literal["degrees", "radians"]
    side: Literal["width", "height"]
    sense: Literal["clockwise", "anticlockwise"]


class Annotations(Section):
    """Where annotations lie and in which format.

    ``format`` names an entry of the registry `corpora.formats.FORMATS`, which is asked when the corpus is read.
    ``files`` are globs below the corpus folder. ``image`` is a regular expression on the image's path below the
    corpus folder and ``file`` its replacement, which gives the path of the image's own annotation (a mask). For
    ``lines``, ``files`` are the caption files and ``names`` the files with image names, in the same order. For
    ``scene-folder``, the group of ``image`` is the class. For ``rows``, ``fields`` are the names of the fields of
    a row, where they say it not themselves. ``class_list`` is the file, below the corpus folder,
    with the names of the classes of YOLO labels; without it ``source`` of a class is its number.
    """

    format: str
    files: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    fields: dict[TextField, Names] = {}
    image: Expression | None = None
    file: str | None = None
    class_list: str | None = None
    angle: AngleConvention | None = Field(None, description="of boxes that are written with an angle")
    tolerance: float = Field(20.0, ge=0, description="distance in RGB beyond which a palette pixel is unknown")


class Pairing(Section):
    """The naming rule of SAR-optical pairs: ``image`` matched in the SAR path, ``file`` gives the optical path.

    ``largest_shift`` in pixels is what the halves may be shifted against each other, see `corpora.registration`.
    """

    image: Expression
    file: str
    largest_shift: float = Field(10.0, gt=0)


AcquisitionFact = Literal["sensor", "band", "resolution_m", "acquired", "orbit", "look"]


class Acquisition(Section):
    """Where facts of acquisition stand: groups of a regular expression, tags of a TIFF, or here for all images.

    ``name`` is matched in the path of an image below the corpus folder; its named groups are facts. ``tags`` names
    the tag that holds a fact, ``facts`` states one. ``acquired`` is a date, with or without a time, ``orbit`` is
    ascending or descending, ``look`` is right or left, and ``resolution_m`` is in metres.
    """

    name: Expression | None = None
    tags: dict[AcquisitionFact, str] = {}
    facts: dict[AcquisitionFact, str] = {}

    @model_validator(mode="after")
    def _groups_are_facts(self) -> "Acquisition":
        groups = set(re.compile(self.name).groupindex) if self.name else set()
        if unknown := sorted(groups - set(get_args(AcquisitionFact))):
            raise ValueError(f"`name` has groups that are no facts: {', '.join(unknown)}")
        return self


class Published(Section):
    """The counts that the authors state."""

    images: int | None = None
    objects: int | None = None
    splits: dict[str, int] = {}


class Origin(Section):
    """A corpus that a compilation took images from, ``images`` of them.

    Where names tell the original, ``image`` is matched in an image's path and ``file`` gives the original's name.
    """

    corpus: str
    images: int | None = None
    image: Expression | None = None
    file: str | None = None

    @model_validator(mode="after")
    def _rule_is_whole(self) -> "Origin":
        if (self.image is None) != (self.file is None):
            raise ValueError("a rule of names needs both `image` and `file`")
        return self


class Entry(Section):
    """Everything that is declared of one corpus.

    ``images`` are globs of the images to index (for pairs: the SAR halves). ``scene`` is a regular expression
    on the image's path whose groups name the place; without it every image is its own scene. ``position`` is one
    whose two groups are column and row of the upper left corner of a patch in its scene, in pixels (or row and
    column, if patches are square): then a scene is not one place, but patches that overlap are. ``splits`` maps a
    published split to globs of id lists or to a regular expression on the path (``re:...``). ``benchmarks``
    likewise maps a benchmark's name to what is never trained on and goes into the test split. ``conditions`` are
    those of the licence: none where it is an empty list, unknown where it is not said. ``obtain_checked`` is the
    day on which ``obtain`` was last known to work. A compilation names in ``origins`` whose images it
    holds, so that none counts twice.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    title: str
    description: str
    kind: Kind
    modality: Literal["sar", "optical"] = "sar"
    images: tuple[str, ...]
    annotations: Annotations | None = None
    pairing: Pairing | None = None
    optical_captions: Annotations | None = None
    classes: tuple[CorpusClass, ...] = ()
    background: str | None = Field(None, description="what a mask-proven image without objects shows")
    sensor: str
    polarisation: str = "unknown"
    bands: dict[str, int] = Field({}, description="band number (from 1) per polarisation, co-pol first")
    quantity: Quantity
    calibrated: bool = False
    backscatter_checked: str | None = Field(None, description="why classes of a mask contradict `corpora.legend`")
    nodata: float | None = None
    resolution_m: tuple[float, ...] = ()
    acquisition: Acquisition | None = None
    licence: str | None = Field(None, description="SPDX id, a URL or not-stated; an absent one fails the gate")
    redistribution: bool = False
    conditions: tuple[Condition, ...] | None = None
    citation: str
    homepage: str
    obtain: str
    obtain_checked: date | Literal["unknown"] = "unknown"
    origins: tuple[Origin, ...] = ()
    published: Published = Published.model_validate({})
    scene: Expression | None = None
    position: Expression | None = None
    splits: dict[str, str] = {}
    benchmarks: dict[str, str] = {}
    quarantine_limit: float = Field(0.05, ge=0, le=1)
    embedded: bool = False

    @model_validator(mode="after")
    def _labels_are_unique(self) -> "Entry":
        labels = [kind.label for kind in self.classes]
        if len(set(labels)) != len(labels):
            raise ValueError("two classes have the same label")
        return self

    @model_validator(mode="after")
    def _position_has_two_numbers(self) -> "Entry":
        if self.position is not None and re.compile(self.position).groups != 2:
            raise ValueError("`position` needs two groups, x and y")
        if self.position is not None and self.pairing is not None:
            raise ValueError("`position` is of patches without an optical half: take out `pairing`")
        return self

    @model_validator(mode="after")
    def _conditions_hold(self) -> "Entry":
        if self.redistribution and "no-redistribution" in (self.conditions or ()):
            raise ValueError("`conditions` hold no-redistribution: `redistribution` must be false")
        return self

    @property
    def conditions_in_words(self) -> str:
        """The conditions of the licence as tables show them."""
        return "unknown" if self.conditions is None else ", ".join(self.conditions) or "none"

    @property
    def sensors(self) -> frozenset[str]:
        """The sensors that its images are of, in lower case, as ``sensor`` lists them; none if not stated."""
        names = (name.strip().casefold() for name in self.sensor.split(","))
        return frozenset(name for name in names if not name.startswith(("not stated", "unknown")))

    @property
    def scene_classes(self) -> tuple[CorpusClass, ...]:
        """The classes of which an image is as a whole; none where the annotation is of what lies in it."""
        return self.classes if self.kind == "scene-classification" else ()

    @property
    def part_classes(self) -> tuple[CorpusClass, ...]:
        """The classes of objects and land cover, which lie in an image."""
        return () if self.scene_classes else self.classes
