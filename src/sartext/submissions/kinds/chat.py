"""Models of transformers that are told what to do: LLaVA, and others with a chat template that take pictures."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sartext.evaluation.benchmarks import Pixels
from sartext.progress import track
from sartext.submissions.free_answers import CAPTION_PROMPT, QUESTION_PROMPT, checked, short_answer, with_question
from sartext.submissions.kinds.image_to_text import side_of, unfinished_warning
from sartext.submissions.kinds.kind import Asked, ModelKind, Read, Said, Seen, Settings

TEMPLATES = ("chat_template.jinja", "chat_template.json")
STATED_IN = ("tokenizer_config.json", "processor_config.json")
"""Where else a template may stand, as ``chat_template``."""


@dataclass(frozen=True)
class Chat:
    """A network with its processor, what it is told, and the hash of its weights."""

    network: Any
    processor: Any
    prompt: str
    sha256: str | None
    warnings: tuple[str, ...] = ()

    @property
    def asked(self) -> Asked:
        """What it is told."""
        return {"prompt": self.prompt}

    @property
    def side(self) -> int:
        """Width of what it sees in pixels."""
        return side_of(self.processor.image_processor)

    def captions(self, pictures: Iterable[Pixels]) -> Said:
        """Return a caption of each picture."""
        said = [self._say(picture, self.prompt) for picture in pictures]
        texts = [" ".join(text.split()) if finished else "" for text, finished in said]
        return Said(texts, unfinished_warning(sum(not finished for _, finished in said)))

    def answers(self, questions: Sequence[tuple[str, str]], read: Read) -> Said:
        """Return a short answer to each question."""
        texts: list[str] = []
        shown: tuple[str, Pixels] | None = None
        for image_id, question in track(questions, "answers", len(questions)):
            if shown is None or shown[0] != image_id:
                shown = image_id, read(image_id)
            text, _ = self._say(shown[1], with_question(self.prompt, question))
            texts.append(short_answer(text))
        return Said(texts)

    def _say(self, picture: Pixels, prompt: str) -> tuple[str, bool]:
        """What the model says of one picture, and whether it came to an end; one at a time, so none is padded."""
        from sartext.errors import ModelError
        from sartext.submissions.kinds.generation import ends, generate, text_of
        from sartext.submissions.kinds.transformers_folder import quiet, to_image, told

        content = [{"type": "image", "image": to_image(picture)}, {"type": "text", "text": prompt}]
        try:
            with quiet():
                inputs = self.processor.apply_chat_template(
                    [{"role": "user", "content": content}],
                    add_generation_prompt=True,
                    tokenize=True,
                    return_dict=True,
                    return_tensors="pt",
                ).to(self.network.device, self.network.dtype)
        except Exception as error:  # a stranger's template and processor
            raise ModelError(
                f"its chat template and processor take no picture with a text ({told(error)})",
                where=type(self.processor).__name__,
                way_out="take the template and the processor that the model was taught with",
            ) from error
        tokenizer = self.processor.tokenizer
        (tokens,) = generate(self.network, inputs)
        return text_of(tokens, tokenizer, ends(self.network, tokenizer), begun=False)


def _recognises(seen: Seen) -> bool:
    if "model_type" not in seen.config or not _has_template(seen):
        return False
    from sartext.submissions.kinds.transformers_folder import class_of

    return class_of(seen, "writer") is not None


def _has_template(seen: Seen) -> bool:
    from sartext.models.weights import read_object

    if set(TEMPLATES) & set(seen.files):
        return True
    return any(read_object(seen.folder / name, "copy it again").get("chat_template") for name in STATED_IN)


def _open(folder: Path, settings: Settings, prompt: str, *, question: bool) -> Chat:
    from sartext.submissions.kinds.transformers_folder import load_network, load_processor

    told = checked(settings.prompt, question=question) or prompt
    network, digest, warnings = load_network(folder, "writer", settings.device)
    return Chat(network, load_processor(folder), told, digest, warnings)


def _caption(folder: Path, settings: Settings) -> Chat:
    return _open(folder, settings, CAPTION_PROMPT, question=False)


def _answer(folder: Path, settings: Settings) -> Chat:
    return _open(folder, settings, QUESTION_PROMPT, question=True)


KIND = ModelKind(
    "chat",
    "a chat model of transformers that takes pictures, such as LLaVA",
    "config.json, weights, a chat template and the files of its processor",
    _recognises,
    caption=_caption,
    answer=_answer,
    prompted=True,
)
