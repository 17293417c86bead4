"""The questions of a release as Parquet of plain texts, for ``load_dataset(<release>, "vqa")``."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sartext.config import ReleaseParameters
from sartext.errors import ArtefactError, ReleaseError
from sartext.files import canonical_json
from sartext.release.formats.format import Format, HubConfig, Material, Pairs
from sartext.release.formats.llava_vqa import FOLDER
from sartext.vqa.question import Question, read_questions, read_splits

COLUMNS = {
    "id": "`<image id>:<form>` and what is asked about; the same in every version that asks it",
    "image_id": "the image that is asked about, as in the pairs",
    "image_path": "its file after `sartext release extract`; null where the image is withheld",
    "corpus": "the corpus of the image",
    "split": "the split of the image",
    "group_id": "the group of the image",
    "type": "what kind of question it is",
    "form": "what exactly is asked",
    "subjects": "JSON: the classes that are asked about",
    "question": "the question",
    "answer": "the answer: one or a few words",
    "facts": "JSON: the facts that prove the answer",
}
"""The meaning of each column."""

SCHEMA = pa.schema([(name, pa.string()) for name in COLUMNS])


def write(material: Material, folder: Path, parameters: ReleaseParameters) -> None:
    """Write ``vqa/<split>.parquet`` beside each ``vqa/<split>.jsonl``, a row per question in the same order."""
    for split, questions in read_splits(folder).items():
        table = pa.Table.from_pylist(_rows(questions), schema=SCHEMA)
        path = folder / FOLDER / f"{split}.parquet"
        pq.write_table(table, path, compression="zstd", compression_level=3, version="2.6")


def _rows(questions: Iterable[Question]) -> list[dict[str, Any]]:
    plain = ("id", "image_id", "corpus", "split", "group_id", "type", "form", "answer")
    return [
        {
            **{name: getattr(question, name) for name in plain},
            "image_path": question.image,
            "subjects": canonical_json(list(question.subjects)),
            "question": question.text,
            "facts": canonical_json(dict(question.facts)),
        }
        for question in questions
    ]


def verify(folder: Path, pairs: Pairs) -> Mapping[str, str]:
    """Return the files whose rows are not the questions of their split."""
    wrong = {}
    splits = {pair.split for pair in pairs.values()} | {path.stem for path in FORMAT.files(folder)}
    for split in sorted(splits):
        path = folder / FOLDER / f"{split}.parquet"
        try:
            same = _read(path) == _rows(read_questions(path.with_suffix(".jsonl")))
        except (ArtefactError, ReleaseError) as error:
            wrong[f"{FOLDER}/{path.name}"] = error.what
            continue
        if not same:
            wrong[f"{FOLDER}/{path.name}"] = f"its rows are not those of {split}.jsonl"
    return wrong


def _read(path: Path) -> list[dict[str, Any]]:
    try:
        table = pq.ParquetFile(path).read()
    except (OSError, pa.ArrowInvalid) as error:
        raise ReleaseError(f"cannot be read ({error})") from error
    if table.schema.names != SCHEMA.names:
        raise ReleaseError("its columns are not those of questions")
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


FORMAT = Format(
    name="vqa-parquet",
    description="The questions as Hugging Face datasets reads them",
    patterns=(f"{FOLDER}/*.parquet",),
    subject="file",
    write=write,
    verify=verify,
    made_from=("llava-vqa",),
    config=HubConfig("vqa", f"{FOLDER}/{{split}}.parquet"),
)
