"""Parameters of the data: the embedded corpora, captions, splits, the gate and the release."""

from typing import Literal

from pydantic import Field, field_validator, model_validator

from sartext.config.section import Section


class SimulationParameters(Section):
    """The embedded corpora: how many images of each, and how they are formed."""

    seed: int = Field(2507, ge=0)
    size: int = Field(64, ge=32, le=1024, description="width and height in pixels")
    ships: int = Field(500, ge=0)
    objects: int = Field(1200, ge=0)
    landcover: int = Field(1800, ge=0)
    pairs: int = Field(300, ge=0)
    optical: int = Field(2700, ge=0)
    unlabelled: int = Field(200, ge=0)


class CorpusParameters(Section):
    """One corpus of the build: where its catalogue file is, relative to the project, and what is given of it.

    ``gives`` is what a release holds at most: images only where the licence lets them be passed on, too. Of
    ``captions`` the image is withheld; of ``nothing`` no row is released, while its images are trained on.
    """

    catalogue: str
    gives: Literal["images", "captions", "nothing"] = "images"


class NarratorParameters(Section):
    """How facts become text."""

    seed: int = Field(11, ge=0)
    paraphrase: bool = True


class NearDuplicateParameters(Section):
    """What counts as a near-duplicate."""

    hash_distance: int = Field(8, ge=0, le=32, description="bits of the 64-bit perceptual hash that may differ")
    correlation: float = Field(0.95, gt=0, le=1, description="normalised cross-correlation of thumbnails")
    warn_cluster: int = Field(50, ge=2)


class SplitParameters(Section):
    """Shares of the groups, decided by the hash of the group's id."""

    validation: float = Field(0.1, ge=0, lt=1)
    test: float = Field(0.1, ge=0, lt=1)
    salt: str = "sar-text"
    near: NearDuplicateParameters = NearDuplicateParameters.model_validate({})

    @model_validator(mode="after")
    def _leave_room_for_training(self) -> "SplitParameters":
        if self.validation + self.test >= 1:
            raise ValueError("validation and test together must stay under 1")
        return self


class AuditParameters(Section):
    """The audit by people that the gate demands of this very candidate."""

    least_correctness: float = Field(ge=1, le=5, description="mean of the rated images, each as its pairs count")
    least_items: int = Field(100, ge=1, description="images that `raters` people rated")
    raters: int = Field(2, ge=1)


class GateParameters(Section):
    """Thresholds of the quality gate; without ``audit`` it demands none by people."""

    minimum_pairs: int = Field(1, ge=1)
    caption_words: tuple[int, int] = (3, 80)
    sentence_pattern_share: float = Field(
        0.05, gt=0, le=1, description="a corpus that holds one sentence pattern in more of its captions is refused"
    )
    distinct_ngrams: tuple[float, float, float] = Field(
        (0.02, 0.06, 0.1), description="the least distinct-1, -2 and -3 of a hundred captions"
    )
    self_bleu: float = Field(0.97, gt=0, le=1, description="the most self-BLEU of a hundred captions")
    no_object_share: float = Field(0.02, ge=0, le=1)
    image_side: tuple[int, int] = (16, 20000)
    saturated_share: float = Field(0.5, gt=0, le=1)
    repeated_answers: float = Field(
        0.01, ge=0, le=1, description="share of a language model's captions that stand for many different facts"
    )
    precision_shortfall: float = Field(
        0.2, ge=0, le=1, description="a precision further below the stated one (`narration`) blocks"
    )
    audit: AuditParameters | None = None

    @field_validator("caption_words", "image_side")
    @classmethod
    def _bounds_in_order(cls, value: tuple[int, int]) -> tuple[int, int]:
        if not 1 <= value[0] <= value[1]:
            raise ValueError("the lower bound must be at least 1 and at most the upper one")
        return value


class VqaParameters(Section):
    """SAR-VQA: the questions on the images of a release."""

    seed: int = Field(29, ge=0)
    largest_count: int = Field(10, ge=1, le=10, description="larger counts are not asked")
    per_image: int = Field(6, ge=1, description="the most questions about one image")


class Withdrawal(Section):
    """A picture that no further release holds, by the SHA-256 of its file or that of its decoded pixels."""

    sha256: str | None = Field(None, pattern=r"^[0-9a-f]{64}$")
    pixels_sha256: str | None = Field(None, pattern=r"^[0-9a-f]{64}$")
    reason: str = Field(min_length=1, max_length=200)

    @field_validator("reason")
    @classmethod
    def _one_line(cls, value: str) -> str:
        if not value.strip().isprintable():
            raise ValueError("the reason must be one line of plain text")
        return value.strip()

    @model_validator(mode="after")
    def _one_hash(self) -> "Withdrawal":
        if (self.sha256 is None) == (self.pixels_sha256 is None):
            raise ValueError("name either `sha256` (of the file) or `pixels_sha256`")
        return self

    @property
    def digest(self) -> str:
        """The hash, of whichever kind it is."""
        return self.sha256 or self.pixels_sha256 or ""


class Author(Section):
    """Whom a release is cited by: a person with ``family`` and ``given`` name, or a group with a ``name``."""

    name: str | None = None
    family: str | None = None
    given: str | None = None
    orcid: str | None = Field(None, pattern=r"^(\d{4}-){3}\d{3}[\dX]$")
    affiliation: str | None = None

    @model_validator(mode="after")
    def _is_a_person_or_a_group(self) -> "Author":
        if bool(self.name) == bool(self.family):
            raise ValueError("an author has a `family` name, or the `name` of a group")
        return self


class ReleaseParameters(Section):
    """The published dataset."""

    name: str = Field("sar-text", pattern=r"^[a-z0-9][a-z0-9-]*$")
    title: str = "SAR-Text"
    version: str = Field("auto", pattern=r"^(auto|(0|[1-9]\d*)(\.(0|[1-9]\d*)){2})$")
    formats: tuple[str, ...] = Field(
        ("parquet", "open-clip-csv", "llava-vqa", "vqa-parquet", "webdataset", "coco", "chat"),
        min_length=1,
        description="names of `sartext.release.formats`",
    )
    rows_per_file: int = Field(5000, ge=1)
    models: bool = Field(
        True, description="whether a release holds the weights that captioned, and what else a machine decides"
    )
    vqa: VqaParameters = VqaParameters.model_validate({})
    withdrawn: tuple[Withdrawal, ...] = ()
    authors: tuple[Author, ...] = ()
    doi: str | None = Field(None, pattern=r"^10\.\d{4,9}/\S+$", description="reserved before it is published")
    datasheet: dict[Literal["purpose", "funding", "people", "ethics", "maintenance"], str] = Field(
        {}, description="what only people can say of the data"
    )
