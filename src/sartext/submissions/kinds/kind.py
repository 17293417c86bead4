"""What a kind of model is: by what its folder is recognised, which tasks it can do, and how it does them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from sartext.evaluation.benchmarks import Pixels

if TYPE_CHECKING:
    from torch import Tensor

Task = Literal["retrieval", "captioning", "vqa", "foils"]
TASKS: tuple[Task, ...] = ("retrieval", "captioning", "vqa", "foils")

Read = Callable[[str], Pixels]
"""From an image id to its picture: uint8, height x width, or height x width x 3."""


Asked = Mapping[str, str | int | float | None]


@dataclass(frozen=True)
class Seen:
    """What lies in a model's folder: its files by name, and what ``config.json`` says, if it is there."""

    folder: Path
    files: tuple[str, ...]
    config: Mapping[str, Any]


@dataclass(frozen=True)
class Settings:
    """How a model is asked.

    Args:
        device: ``cpu``, ``cuda`` or ``auto``.
        prompt: what a model that follows instructions is told; its kind's own where it is None.
    """

    device: str = "cpu"
    prompt: str | None = None


@dataclass(frozen=True)
class Said:
    """Texts in the order of what was asked, and warnings for the reader of their scores."""

    texts: Sequence[str]
    warnings: tuple[str, ...] = ()


class Opened(Protocol):
    """A model that is ready.

    ``sha256`` is of its weights, None where nobody sees them. ``asked`` is what decides its texts beside them and
    the pictures, by name: a prompt, the settings of an endpoint. ``warnings`` are of its loading.
    """

    @property
    def sha256(self) -> str | None: ...  # noqa: D102

    @property
    def asked(self) -> Asked: ...  # noqa: D102

    @property
    def warnings(self) -> tuple[str, ...]: ...  # noqa: D102


class Encoder(Opened, Protocol):
    """A model that compares pictures with texts: features are float32, n x width, of length 1, in main memory."""

    def images(self, pictures: Iterable[Pixels]) -> "Tensor":
        """Return the features of pictures."""

    def texts(self, texts: Sequence[str]) -> "tuple[Tensor, int]":
        """Return the features of texts, equal ones of equal texts, and how many were too long and cut."""


class Captioner(Opened, Protocol):
    """A model that describes pictures; ``side`` is the width in pixels of what it sees, for sizes of objects."""

    @property
    def side(self) -> int: ...  # noqa: D102

    def captions(self, pictures: Iterable[Pixels]) -> Said:
        """Return a caption of each picture, empty where it wrote none."""


class Answerer(Opened, Protocol):
    """A model that answers questions about pictures."""

    def answers(self, questions: Sequence[tuple[str, str]], read: Read) -> Said:
        """Return an answer to each question, an image id and a text; those of an image stand together."""


@dataclass(frozen=True)
class ModelKind:
    """A kind of model; everything that is known of it stands in one file.

    Args:
        name: in leaderboards.
        title: what it is, for people.
        holds: by what its folder is known, for people.
        recognises: whether a folder is of this kind.
        embed: opens it for retrieval and foils; None where it does neither.
        caption: opens it for captioning.
        answer: opens it for VQA.
        prompted: whether it follows an instruction, so that another one can be given.
        sends: whether pictures leave the machine, so that only those go which the release gives on.
    """

    name: str
    title: str
    holds: str
    recognises: Callable[[Seen], bool]
    embed: Callable[[Path, Settings], Encoder] | None = None
    caption: Callable[[Path, Settings], Captioner] | None = None
    answer: Callable[[Path, Settings], Answerer] | None = None
    prompted: bool = False
    sends: bool = False

    @property
    def tasks(self) -> tuple[Task, ...]:
        """The tasks that a model of this kind may do."""
        can = {"retrieval": self.embed, "foils": self.embed, "captioning": self.caption, "vqa": self.answer}
        return tuple(task for task in TASKS if can[task] is not None)
