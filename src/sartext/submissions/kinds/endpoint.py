"""A model behind an OpenAI-compatible endpoint, in a folder that holds ``endpoint.yaml`` alone.

Pictures go as PNG in data URLs, and only those that the release gives on: what a licence withholds never leaves
the machine, named by ``--images`` or not. The key comes from the environment. Every answer is kept in the folder:
scoring again sends nothing and gives the same figures; the budget holds over all runs.
"""

import base64
import io
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from PIL import Image
from pydantic import Field, ValidationError

from sartext.config import AskingParameters, EndpointParameters
from sartext.config.section import explain_validation, parse_yaml
from sartext.errors import EndpointError, ModelError
from sartext.evaluation.benchmarks import Pixels
from sartext.submissions.free_answers import CAPTION_PROMPT, QUESTION_PROMPT, checked, short_answer, with_question
from sartext.submissions.kinds.image_to_text import SIDE, unfinished_warning
from sartext.submissions.kinds.kind import Asked, ModelKind, Read, Said, Seen, Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sartext.llm.asking import Asker, Messages
    from sartext.llm.journal import Answer

FILE = "endpoint.yaml"
HELD = 256
"""Pictures that are held at a time."""


class EndpointModel(AskingParameters, EndpointParameters):
    """The file: which model is asked, how, and how it is reached."""

    cache: str = Field("answers", description="folder of the answers, relative to the file's")


@dataclass(frozen=True)
class Behind:
    """The model of an ``endpoint.yaml`` in a folder, and what it is told."""

    folder: Path
    parameters: EndpointModel
    prompt: str
    sha256: str | None = None
    warnings: tuple[str, ...] = ()
    side: int = SIDE

    @property
    def asked(self) -> Asked:
        """Prompt and settings; not where the endpoint is."""
        names = ("model", "temperature", "seed", "answer_tokens")
        return {"prompt": self.prompt, **{name: getattr(self.parameters, name) for name in names}}

    def captions(self, pictures: Iterable[Pixels]) -> Said:
        """Return a caption of each picture."""
        from sartext.evaluation.embedding import batches

        said: list[Answer | str] = []
        with self._asker() as asker:
            for batch in batches(pictures, HELD):
                said += self._ask(asker, [(picture, self.prompt) for picture in batch], "captions")
        texts = [self._text(answer, whole=True) for answer in said]
        cut = sum(not isinstance(answer, str) and answer.finish == "length" for answer in said)
        return Said([" ".join(text.split()) for text in texts], (*unfinished_warning(cut), *_unanswered(said)))

    def answers(self, questions: Sequence[tuple[str, str]], read: Read) -> Said:
        """Return a short answer to each question."""
        said: list[Answer | str] = []
        with self._asker() as asker:
            for start in range(0, len(questions), HELD):
                part = questions[start : start + HELD]
                pictures = {image_id: read(image_id) for image_id in sorted({image_id for image_id, _ in part})}
                shown = [(pictures[image_id], with_question(self.prompt, text)) for image_id, text in part]
                said += self._ask(asker, shown, "answers")
        return Said([short_answer(self._text(answer, whole=False)) for answer in said], _unanswered(said))

    @contextmanager
    def _asker(self) -> "Iterator[Asker]":
        from sartext.llm.asking import Asker
        from sartext.llm.endpoint import Endpoint
        from sartext.llm.journal import Journal

        place = self.folder / FILE
        endpoint = Endpoint(self.parameters, where=str(place), model_in="`model`", manual="docs/evaluation.md")
        with Journal(self.folder / self.parameters.cache, self.parameters.budget) as journal:
            yield Asker(self.parameters, endpoint, journal)

    def _ask(self, asker: "Asker", shown: Sequence[tuple[Pixels, str]], what: str) -> "list[Answer | str]":
        from sartext.llm.asking import in_parallel

        work = lambda pair: asker.ask(messages(*pair))  # noqa: E731
        return in_parallel(asker, work, shown, f"{what} of {self.parameters.model}", self.parameters.concurrency)

    def _text(self, answer: "Answer | str", *, whole: bool) -> str:
        if isinstance(answer, str) or (whole and answer.finish == "length"):
            return ""
        return answer.text


def messages(picture: Pixels, prompt: str) -> "Messages":
    """Return the request that shows a picture and tells what to do with it."""
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "PNG")
    url = f"data:image/png;base64,{base64.b64encode(stream.getvalue()).decode('ascii')}"
    content = [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": prompt}]
    return [{"role": "user", "content": content}]


def _unanswered(said: "Sequence[Answer | str]") -> tuple[str, ...]:
    """Return a warning of what the endpoint refuses for good.

    Raises:
        EndpointError: an answer is missing that another run could get.
    """
    from sartext.llm.asking import REJECTED

    reasons = Counter(answer for answer in said if isinstance(answer, str))
    refused = reasons.pop(REJECTED, 0)
    if reasons:
        told = ", ".join(f"{reason}: {count}" for reason, count in sorted(reasons.items()))
        raise EndpointError(
            f"{sum(reasons.values())} of {len(said)} requests have no answer ({told})",
            where=FILE,
            way_out="raise the budget where it is spent, and run it again: the answers up to now are kept",
        )
    return (f"the endpoint refuses {refused} of {len(said)} requests, which count as empty",) if refused else ()


def read_endpoint(folder: Path) -> EndpointModel:
    """Read the file of a folder.

    Raises:
        ModelError: it is no YAML, or says something unknown or out of range.
    """
    path = folder / FILE
    try:
        content: Any = parse_yaml(path.read_text(encoding="utf-8-sig"))
        return EndpointModel.model_validate(content or {})
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ModelError("not valid YAML", where=path, way_out="correct the file") from error
    except ValidationError as error:
        what, way_out = explain_validation(error, EndpointModel, path)
        raise ModelError(what, where=path, way_out=way_out) from error


def _caption(folder: Path, settings: Settings) -> Behind:
    return Behind(folder, read_endpoint(folder), checked(settings.prompt, question=False) or CAPTION_PROMPT)


def _answer(folder: Path, settings: Settings) -> Behind:
    return Behind(folder, read_endpoint(folder), checked(settings.prompt, question=True) or QUESTION_PROMPT)


def _recognises(seen: Seen) -> bool:
    return FILE in seen.files and "config.json" not in seen.files


KIND = ModelKind(
    "endpoint",
    "a model behind an OpenAI-compatible endpoint",
    f"{FILE} with model, url and budget",
    _recognises,
    caption=_caption,
    answer=_answer,
    prompted=True,
    sends=True,
)
