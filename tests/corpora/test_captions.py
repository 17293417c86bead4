"""Captions of optical images: Karpathy JSON, COCO captions, line-aligned text."""

import json
from contextlib import nullcontext

import pytest

from sartext.catalogue.loading import PACKAGED, load_entry
from sartext.corpora.cleaning import clean_caption, clean_captions
from sartext.corpora.formats.lines import read_lines
from sartext.corpora.images import decode
from sartext.corpora.quarantine import Unusable
from sartext.corpora.reading import Source
from tests.corpora.making import picture, tiff


def optical(corpus, more=(), **annotations):
    fields = {"kind": "captions", "modality": "optical", "polarisation": "none", "quarantine_limit": 1.0}
    corpus.declare(images=["images/*"], annotations=annotations, **fields, **dict(more))
    for image in (1, 2):
        corpus.put(f"images/{image}.jpg", picture(mode="RGB", seed=image))
    return corpus


@pytest.mark.parametrize(
    ("written", "clean"),
    [
        ("an airport is here .", "an airport is here."),
        ("a river , two bridges  and\ta road .\r", "a river, two bridges and a road."),
        ("the stadium\u2019s roof", "the stadium's roof"),
        ("\u201clarge\u201d\u00a0area", '"large" area'),
        ("   ", ""),
        (" . ", ""),
    ],
)
def test_typography_is_evened_out_and_words_stay(written, clean):
    assert clean_caption(written) == clean


def test_blank_and_broken_captions_are_counted_and_repeated_ones_stay():
    kept, dropped = clean_captions(("a b .", "", "a b .", "caf\ufffd", "."))
    assert kept == ["a b.", "a b."]
    assert dropped == {"blank-caption": 2, "broken-caption": 1}


def karpathy(*images):
    entries = []
    for name, split, captions in images:
        sentences = [{"raw": raw, "tokens": ["formland"], "sentid": 0} for raw in captions]
        entries.append({"filename": name, "split": split, "sentences": sentences})
    return json.dumps({"dataset": "made", "images": entries})


@pytest.mark.parametrize("name", ["dataset.json", "dataset.json.gz"])
def test_karpathy_gives_raw_captions_and_split(corpus, name):
    optical(corpus, format="karpathy", files=["dataset.json*"])
    images = [("1.tif", "train", ["Some farmland ."]), ("2.tif", "test", ["A.", "B."]), ("9.tif", "val", ["C."])]
    corpus.put(name, karpathy(*images))
    metrics = corpus.index()
    rows = corpus.rows()
    assert rows["1"]["captions"] == ["Some farmland."]
    assert [rows[image]["published_split"] for image in "12"] == ["train", "test"]
    shown = [rows["1"][name] for name in ("modality", "quantity", "polarisation")]
    assert shown == ["optical", "display", "none"]
    assert metrics["captions"] == 3
    assert metrics["reasons"]["annotation"] == {"annotation-without-image": 1}


def test_image_without_any_caption_is_left_out(corpus):
    optical(corpus, format="karpathy", files=["dataset.json"])
    corpus.put("images/3.jpg", picture(mode="RGB", seed=3))
    corpus.put("dataset.json", karpathy(("1.jpg", "train", ["A."]), ("2.jpg", "train", [" ", ""])))
    corpus.index()
    assert corpus.reasons() == {"2": "no-caption", "3": "no-annotation"}


def test_coco_captions(corpus):
    optical(corpus, format="coco-captions", files=["captions.json.gz"])
    listed = [{"id": 5, "file_name": "1.jpg", "width": 40, "height": 30}, {"id": 6, "file_name": "2.jpg"}]
    said = [(5, "one ."), (6, "two ."), (5, "three ."), (6, None)]
    value = {"images": listed, "annotations": [{"image_id": i, "caption": text} for i, text in said]}
    corpus.put("captions.json.gz", json.dumps(value))
    corpus.index()
    assert [row["captions"] for row in corpus.rows().values()] == [["one.", "three."], ["two."]]


def lines(tmp_path, captions, names):
    (tmp_path / "caps.txt").write_bytes(captions.encode())
    (tmp_path / "names.txt").write_bytes(names.encode())
    source = Source(tmp_path, "caps.txt", load_entry(PACKAGED / "rsitmd.yaml"), "names.txt")
    return {record.name: list(record.captions) for record in read_lines(source)}


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\n\n"])
def test_names_stand_once_for_all_their_captions_or_once_for_each(tmp_path, end):
    expected = {"a.jpg": ["1", "2"], "b.jpg": ["3", "4"]}
    assert lines(tmp_path, f"1\n2\n3\n4{end}", f"a.jpg\nb.jpg{end}") == expected
    assert lines(tmp_path, f"1\r\n2\r\n3\r\n4{end}", f"a.jpg\r\na.jpg\r\nb.jpg\r\nb.jpg{end}") == expected


@pytest.mark.parametrize(
    ("captions", "expected"),
    [
        ("1\n\n3\n4\n", {"a": ["1", ""], "b": ["3", "4"]}),
        ("1\n2\n3\n\n", {"a": ["1", "2"], "b": ["3", ""]}),
        ("one\u2028still one\x0cagain\n2\n", {"a": ["one\u2028still one\x0cagain"], "b": ["2"]}),
        ("1\n2\n3\n", None),
    ],
    ids=["a blank line holds its place", "at the end too", "other separators end no line", "unaligned"],
)
def test_a_line_is_a_caption(tmp_path, captions, expected):
    with nullcontext() if expected else pytest.raises(Unusable, match="unaligned-lines"):
        assert lines(tmp_path, captions, "a\nb\n") == expected
    with pytest.raises(Unusable, match="unaligned-lines"):
        lines(tmp_path, "1\n", "\n")


def test_lines_of_several_splits_one_of_them_zipped(corpus):
    files, names = ["test_caps.txt*", "train_caps.txt*"], ["test_names.txt*", "train_names.txt*"]
    splits = {"test": "test_names.txt*", "train": "train_names.txt*"}
    optical(corpus, {"splits": splits}, format="lines", files=files, names=names)
    corpus.put("test_caps.txt", "a .\nb .\n")
    corpus.put("test_names.txt", "1.jpg\n1.jpg\n")
    corpus.put("train_caps.txt.gz", "\u2019c .\nd .\ne .\nf .\n")
    corpus.put("train_names.txt.gz", "2.jpg\n00721.jpg\n")
    metrics = corpus.index()
    rows = corpus.rows()
    assert [row["captions"] for row in rows.values()] == [["a.", "b."], ["'c.", "d."]]
    assert [row["published_split"] for row in rows.values()] == ["test", "train"]
    assert metrics["reasons"]["annotation"] == {"annotation-without-image": 1}


def test_broken_bytes_cost_a_caption_and_are_counted(corpus):
    optical(corpus, format="lines", files=["caps.txt"], names=["names.txt"])
    corpus.put("caps.txt", b"\xef\xbb\xbfgood .\ncaf\xe9 .\nfine .\nfine .\n")
    corpus.put("names.txt", "1.jpg\n2.jpg\n")
    corpus.index()
    assert corpus.rows()["1"]["captions"] == ["good."]
    assert {fault.reason for fault in corpus.faults("annotation")} == {"broken-caption", "broken-encoding"}


def test_missing_half_of_a_line_pair_costs_that_pair_only(corpus):
    files, names = ["test_caps.txt", "train_caps.txt"], ["test_names.txt", "train_names.txt"]
    optical(corpus, format="lines", files=files, names=names)
    corpus.put("test_caps.txt", "a .\n")
    corpus.put("test_names.txt", "1.jpg\n")
    corpus.put("train_caps.txt", "b .\n")
    corpus.index()
    assert corpus.reasons() == {"2": "no-annotation"}
    assert [fault.reason for fault in corpus.faults("annotation")] == ["unpaired-files"]


def test_optical_tiff_is_a_picture(corpus):
    optical(corpus, format="karpathy", files=["dataset.json"])
    colour = decode(picture(mode="RGB"))
    corpus.put("images/3.tif", tiff(colour.transpose(2, 0, 1)))
    corpus.put("dataset.json", karpathy(("3.tif", "train", ["A."])))
    corpus.index()
    assert (corpus.rows()["3"]["width"], corpus.rows()["3"]["height"]) == (40, 30)
