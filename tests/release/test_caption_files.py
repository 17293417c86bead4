"""Two files of captions, compared sentence by sentence."""

import gzip
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from sartext.errors import ReleaseError
from sartext.release.comparison.caption_files import compare_files
from sartext.release.comparison.showing import compare_paths

Captions = Mapping[str, Sequence[str]]
Write = Callable[[Path, Captions], Path]

BEFORE = {"1.tif": ["There is a piece of formland .", "Some cars ."], "2.tif": ["A beach ."], "3.tif": ["Gone ."]}
AFTER = {"1.tif": ["Some cars .", "There is a piece of farmland ."], "2.tif": ["A beach ."], "4.tif": ["New ."]}


def karpathy(path: Path, captions: Captions, split: str = "train") -> Path:
    images = [
        {"filename": name, "split": split, "sentences": [{"raw": text, "tokens": []} for text in texts]}
        for name, texts in captions.items()
    ]
    path = path.with_suffix(".json.gz")
    path.write_bytes(gzip.compress(json.dumps({"images": images, "dataset": "made up"}).encode()))
    return path


def coco(path: Path, captions: Captions) -> Path:
    images = [{"id": number, "file_name": name} for number, name in enumerate(captions)]
    annotations = [
        {"id": 100 * number + place, "image_id": number, "caption": text}
        for number, texts in enumerate(captions.values())
        for place, text in enumerate(texts)
    ]
    path = path.with_suffix(".json")
    path.write_text(json.dumps({"images": images, "annotations": annotations[::-1]}))
    return path


def table(path: Path, captions: Captions) -> Path:
    lines = ["filepath\ttitle", *(f"{name}\t{text}" for name, texts in captions.items() for text in texts)]
    path = path.with_suffix(".csv")
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize("second", [karpathy, coco, table])
@pytest.mark.parametrize("first", [karpathy, coco, table])
def test_every_form_is_compared_with_every_other_whatever_the_order_of_sentences(
    tmp_path: Path, first: Write, second: Write
) -> None:
    difference = compare_files(first(tmp_path / "old", BEFORE), second(tmp_path / "new", AFTER))
    changed = [(change.image_id, change.before, change.after) for change in difference.captions]
    assert changed == [("1.tif", "There is a piece of formland .", "There is a piece of farmland .")]
    assert (difference.added, difference.removed, difference.moved) == (("4.tif",), ("3.tif",), ())
    details = difference.details
    assert details
    assert details.groups[0][2:] == (4, 4, 1, 1, 1)
    assert details.words.exchanged == (("formland", "farmland", 1),)


def test_a_sentence_more_is_added_and_a_repeated_one_counts_as_often_as_it_stands(tmp_path: Path) -> None:
    old = karpathy(tmp_path / "old", {"1.tif": ["A road .", "A road .", "A lake ."]})
    new = karpathy(tmp_path / "new", {"1.tif": ["A road .", "A lake .", "A lane .", "A hill ."]})
    difference = compare_files(old, new)
    assert [(change.before, change.after) for change in difference.captions] == [("A road .", "A lane .")]
    assert difference.details
    assert difference.details.groups[0][2:] == (3, 4, 1, 0, 1)
    assert (difference.added, difference.removed) == ((), ())


def test_the_same_sentences_are_no_difference_and_another_split_is_one(tmp_path: Path) -> None:
    old = karpathy(tmp_path / "old", BEFORE)
    assert compare_files(old, karpathy(tmp_path / "same", BEFORE)).same_bytes
    moved = compare_files(old, karpathy(tmp_path / "new", BEFORE, split="test")).moved
    assert moved == tuple((name, "train", "test") for name in BEFORE)


@pytest.mark.parametrize(
    "content", ["{", "[]", '{"images": []}', '{"images": [], "annotations": [1]}', "caption\n"]
)
def test_what_holds_no_captions_is_refused_by_name(tmp_path: Path, content: str) -> None:
    path = tmp_path / ("list.csv" if content.startswith("caption") else "list.json")
    path.write_text(content)
    with pytest.raises(ReleaseError, match=r"list\.(csv|json): no .*; name a Karpathy or COCO caption file"):
        compare_paths(path, path)


def test_a_release_is_not_compared_with_a_file(tmp_path: Path, published: Path) -> None:
    with pytest.raises(ReleaseError, match="a release is not compared with a file"):
        compare_paths(published, table(tmp_path / "list", BEFORE))
    with pytest.raises(ReleaseError, match="no such file or folder"):
        compare_paths(published, tmp_path / "absent")


@pytest.mark.realdata
def test_the_corrected_captions_of_ucm_and_sydney(realdata: Path) -> None:
    """Their authors count 374 and 160 corrected sentences, against originals that differ from both files here.

    Of UCM 356 sentences differ, as their field ``raw`` has them: 144 in a word. What stands here as the first
    version of Sydney is a copy of the corrected one.
    """
    names = {"UCM-captions": "dataset.json.gz", "Sydney-captions": "dataset_sydney_modified.json.gz"}
    if not all((realdata / folder / name).is_file() for folder, name in names.items()):
        pytest.skip("no UCM and Sydney captions among the real corpora")
    corrected = realdata / "captions-modified"
    ucm = compare_files(realdata / "UCM-captions/dataset.json.gz", corrected / "dataset_ucm_modified.json.gz")
    assert len(ucm.captions) == 356
    assert ucm.details
    assert ucm.details.groups[0][2:] == (10500, 10500, 0, 0, 356)
    assert dict(ucm.details.words.kinds)["words"] == 144
    assert (ucm.added, ucm.removed, ucm.moved) == ((), (), ())
    sydney = names["Sydney-captions"]
    assert compare_files(realdata / "Sydney-captions" / sydney, corrected / sydney).same_bytes
