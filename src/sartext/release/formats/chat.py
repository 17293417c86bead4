"""Captions and questions as conversations of ``messages`` and ``images``, JSON lines for chat fine-tuning."""

import json
from collections.abc import Iterable, Iterator
from itertools import zip_longest
from pathlib import Path

from sartext.config import ReleaseParameters
from sartext.errors import ArtefactError
from sartext.files import write_text
from sartext.release.formats.format import Format, Material, Pairs
from sartext.release.formats.parquet import released_rows, split_files
from sartext.release.manifest import IMAGES
from sartext.vqa.question import IMAGE_TOKEN, read_questions

FOLDER = "chat"

PROMPTS = {"caption": "Describe this SAR image.", "caption_detailed": "Describe this SAR image in detail."}
"""What the user asks for each column of captions."""

COLUMNS = ("image_id", "image.path", *PROMPTS)


def write(material: Material, folder: Path, parameters: ReleaseParameters) -> None:
    """Write ``chat/<split>-captions.jsonl`` and ``chat/<split>-questions.jsonl``, of images that the release has.

    A conversation has an ``id``, one path in ``images`` (as in ``csv/``), and two ``messages``. The detailed
    caption of an image is one of its own, with ``:detailed`` behind the id, where it is not the caption itself.
    """
    for split in split_files(folder):
        for name, lines in _files(folder, split):
            write_text(folder / FOLDER / name, "".join(lines))


def _files(folder: Path, split: str) -> Iterator[tuple[str, Iterable[str]]]:
    """Each file of a split, by name, with the lines that it holds or should hold."""
    yield f"{split}-captions.jsonl", _captions(split_files(folder)[split])
    yield f"{split}-questions.jsonl", _questions(folder / "vqa" / f"{split}.jsonl")


def _captions(files: list[Path]) -> Iterator[str]:
    for row in released_rows(files, COLUMNS):
        if row["image"] is not None:
            image = f"{IMAGES}/{row['image']['path']}"
            yield _line(row["image_id"], image, PROMPTS["caption"], row["caption"])
            if row["caption_detailed"] != row["caption"]:
                prompt = PROMPTS["caption_detailed"]
                yield _line(f"{row['image_id']}:detailed", image, prompt, row["caption_detailed"])


def _questions(path: Path) -> Iterator[str]:
    for question in read_questions(path):
        if question.image is not None:
            yield _line(question.id, question.image, question.text, question.answer)


def _line(name: str, image: str, asked: str, answered: str) -> str:
    messages = [
        {"role": "user", "content": IMAGE_TOKEN + asked},
        {"role": "assistant", "content": answered},
    ]
    return json.dumps({"id": name, "images": [image], "messages": messages}, ensure_ascii=False) + "\n"


def verify(folder: Path, pairs: Pairs) -> dict[str, str]:
    """Return the files whose conversations are not the captions and questions of their split, in their order."""
    wrong = {}
    files = [file for split in split_files(folder) for file in _files(folder, split)]
    expected = {f"{FOLDER}/{name}": lines for name, lines in files}
    for name in {path.relative_to(folder).as_posix() for path in FORMAT.files(folder)} - expected.keys():
        wrong[name] = "not the file of a split"
    for name, lines in expected.items():
        try:
            with (folder / name).open(encoding="utf-8", newline="") as stream:
                pairs_of_lines = enumerate(zip_longest(stream, lines), start=1)
                odd = next((number for number, (line, wanted) in pairs_of_lines if line != wanted), None)
        except (ArtefactError, OSError, UnicodeDecodeError) as error:
            wrong[name] = f"cannot be compared ({error})"
            continue
        if odd:
            wrong[name] = f"line {odd} is not the conversation of the release's captions and questions"
    return wrong


FORMAT = Format(
    name="chat",
    description="Captions and questions as conversations of `messages` and `images`, for chat fine-tuning",
    patterns=(f"{FOLDER}/*.jsonl",),
    subject="file",
    write=write,
    verify=verify,
    extracted=True,
    made_from=("parquet", "llava-vqa"),
)
