"""What strangers read a release with: all of it finds the same pairs, in processes that never load `sartext`."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from sartext.release.verification import extract
from sartext.vqa.question import read_splits
from tests.processes import completed

START = """
import hashlib, io, json, sys
from pathlib import Path

release, files = map(Path, sys.argv[1:])
sha = lambda content: hashlib.sha256(content).hexdigest()
"""

END = """
assert not any(name.split(".")[0] == "sartext" for name in sys.modules)
print(json.dumps(found))
"""

READERS = {
    "pyarrow": """
import pyarrow.parquet as pq
rows = pq.read_table(release / "data", filters=[("split", "=", "train")]).to_pylist()
found = {row["image_id"]: [row["caption"], sha(row["image"]["bytes"])] for row in rows if row["image"]}
""",
    "pandas": """
import pandas
frame = pandas.concat(pandas.read_parquet(path) for path in sorted((release / "data").glob("train-*.parquet")))
frame = frame[frame["image"].notna()]
shown = zip(frame["image_id"], frame["caption"], frame["image"])
found = {name: [caption, sha(image["bytes"])] for name, caption, image in shown}
""",
    "duckdb": """
import duckdb
query = "select image_id, caption, image.bytes from read_parquet(?) where image is not null"
rows = duckdb.execute(query, [str(release / "data/train-*.parquet")]).fetchall()
found = {name: [caption, sha(content)] for name, caption, content in rows}
""",
    "datasets": """
from datasets import Image, load_dataset
rows = load_dataset(str(release), split="train").cast_column("image", Image(decode=False))
found = {row["image_id"]: [row["caption"], sha(row["image"]["bytes"])] for row in rows if row["image"]}
""",
    "datasets, streaming": """
from datasets import Image, load_dataset
rows = load_dataset(str(release), split="train", streaming=True).cast_column("image", Image(decode=False))
found = {row["image_id"]: [row["caption"], sha(row["image"]["bytes"])] for row in rows if row["image"]}
""",
    "datasets, of the shards": """
from datasets import Image, load_dataset
shards = str(release / "webdataset/train-*.tar")
rows = load_dataset("webdataset", data_files={"train": shards}, split="train")
rows = rows.cast_column("png", Image(decode=False))
found = {row["json"]["image_id"]: [row["txt"], sha(row["png"]["bytes"])] for row in rows}
""",
    "datasets, streaming the shards": """
from datasets import Image, load_dataset
shards = str(release / "webdataset/train-*.tar")
rows = load_dataset("webdataset", data_files={"train": shards}, split="train", streaming=True)
rows = rows.cast_column("png", Image(decode=False))
found = {row["json"]["image_id"]: [row["txt"], sha(row["png"]["bytes"])] for row in rows}
""",
    "webdataset": """
import webdataset
shards = sorted(str(path) for path in (release / "webdataset").glob("train-*.tar"))
samples = webdataset.WebDataset(shards, shardshuffle=False).to_tuple("json", "txt", "png;jpg")
found = {json.loads(facts)["image_id"]: [text.decode(), sha(image)] for facts, text, image in samples}
""",
    "pycocotools": """
from contextlib import redirect_stdout
from pycocotools.coco import COCO
with redirect_stdout(sys.stderr):
    coco = COCO(str(files / "coco/train_captions.json"))
found = {}
for annotation in coco.loadAnns(coco.getAnnIds()):
    (image,) = coco.loadImgs(annotation["image_id"])
    found[image["name"]] = [annotation["caption"], sha((files / image["file_name"]).read_bytes())]
""",
    "conversations": """
lines = (files / "chat/train-captions.jsonl").read_text().splitlines()
rows = [row for row in map(json.loads, lines) if not row["id"].endswith(":detailed")]
found = {
    row["id"]: [row["messages"][1]["content"], sha((files / row["images"][0]).read_bytes())] for row in rows
}
""",
    "open_clip": """
import os
import torch
os.chdir(files)
try:
    import torchvision
except RuntimeError:  # of another build than torch
    for name in [name for name in sys.modules if name.startswith("torchvision")]:
        del sys.modules[name]
    library = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        library.define(name + "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
from open_clip_train.data import CsvDataset
read = CsvDataset("csv/train.csv", lambda image: image.filename, "filepath", "title", "\\t", lambda texts: texts)
found = {}
for number in range(len(read)):
    path, caption = read[number]
    name = str(Path(path).relative_to("images").with_suffix(""))
    found[name] = [caption, sha(Path(path).read_bytes())]
""",
}

QUESTIONS = """
from datasets import load_dataset
plain = load_dataset(str(release), "vqa", split="train")
streamed = load_dataset(str(release), "vqa", split="train", streaming=True)
found = [[[row["id"], row["question"], row["answer"]] for row in rows] for rows in (plain, streamed)]
"""


@pytest.fixture(scope="module")
def files(published: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The release's images as files."""
    extract(published, tmp_path_factory.mktemp("extracted") / "files")
    return tmp_path_factory.getbasetemp() / "extracted0/files"


def read_by(code: str, release: Path, files: Path, home: Path) -> Any:
    """What a process of its own finds, offline and with nothing kept from before."""
    environment = {**os.environ, "HF_HOME": str(home), "HF_HUB_OFFLINE": "1", "PYTHONPATH": ""}
    done = completed(sys.executable, "-c", START + code + END, str(release), str(files), cwd=home, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "gnoring" not in done.stderr, "nothing of the card is passed over"
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("reader", READERS)
def test_every_reader_finds_the_same_pairs(reader: str, published: Path, files: Path, tmp_path: Path) -> None:
    rows = [
        row for path in (published / "data").glob("train-*") for row in pq.ParquetFile(path).read().to_pylist()
    ]
    pairs = {row["image_id"]: [row["caption"], row["image_sha256"]] for row in rows if row["image"]}
    assert len(pairs) == 18
    assert read_by(READERS[reader], published, files, tmp_path) == pairs


def test_the_questions_are_a_config_of_their_own(published: Path, files: Path, tmp_path: Path) -> None:
    asked = [[question.id, question.text, question.answer] for question in read_splits(published)["train"]]
    assert read_by(QUESTIONS, published, files, tmp_path) == [asked, asked]
