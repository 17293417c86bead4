"""What the audit page shows of an image: its picture, its boxes, and land cover in the colours of the legend."""

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sartext.errors import ArtefactError
from sartext.narrator.facts import Facts, ObjectFact
from sartext.release.audit.export import LARGEST, shown_of
from sartext.release.pictures import SourcePictures
from tests.corpora.making import DETECTION, Corpus, encoded, picture, voc

MASK = {"format": "mask", "files": ["masks/*"], "image": r"^images/(.+)\.png$", "file": r"masks/\1.png"}
WATER = {"label": "water", "noun": "water", "plural": "water", "hypernym": "water", "code": 1, "stuff": True}
CROPS = {**WATER, "label": "crops", "noun": "crops", "plural": "crops", "code": 2}
FACTS = Facts(objects=(ObjectFact("ship", "ship", "ships", 2, 1, 1),))


def shown(corpus: Corpus) -> dict[str, Any]:
    corpus.index()
    pair = {"image_id": f"{corpus.name}/1", "corpus": corpus.name, "caption": "Two ships.", "facts": FACTS.json}
    return shown_of(corpus.project, SourcePictures(corpus.project), pair)


def opened(address: str) -> Image.Image:
    """The picture of a data address."""
    return Image.open(io.BytesIO(base64.b64decode(address.partition("base64,")[2])))


def test_boxes_lie_where_they_were_drawn_and_the_facts_are_in_words(tmp_path: Path) -> None:
    corpus = Corpus(tmp_path).declare(**DETECTION)
    corpus.put("images/1.png", picture(100, 50))
    corpus.put("annotations/1.xml", voc(("ship", 10, 5, 30, 25), ("ship", 60, 20, 90, 50), width=100, height=50))
    found = shown(corpus)
    (one, *first), (other, *second) = found["boxes"]
    assert (one, first, second) == (other, [0.1, 0.1, 0.3, 0.5], [0.6, 0.4, 0.9, 1.0])
    assert found["legend"] == [["ship", one, "2"]]
    assert found["facts"] == ["ship", "ship: two", "ship: one in the center", "ship: one outside the center"]
    assert (found["mask"], found["zones"]) == (None, False)


def test_land_cover_has_the_colours_of_the_legend_and_the_rest_is_clear(tmp_path: Path) -> None:
    corpus = Corpus(tmp_path).declare(
        kind="segmentation", images=["images/*"], quarantine_limit=1.0, annotations=MASK, classes=[WATER, CROPS]
    )
    codes = np.zeros((64, 64), np.uint8)
    codes[:16], codes[16:48] = 1, 2
    corpus.put("images/1.png", picture(64, 64))
    corpus.put("masks/1.png", encoded(codes))
    found = shown(corpus)
    assert [(label, amount) for label, _, amount in found["legend"]] == [("water", "25%"), ("crops", "50%")]
    mask = np.asarray(opened(found["mask"]).convert("RGBA"))
    side = len(mask)
    for row, (_, colour, _) in zip((side // 8, side // 2), found["legend"], strict=True):
        assert f"#{bytes(mask[row, 0, :3]).hex()}" == colour
        assert 0 < mask[row, 0, 3] < 255
    assert not mask[side - 1, :, 3].any()


def test_a_small_picture_keeps_every_pixel_and_a_large_one_its_shape(tmp_path: Path) -> None:
    corpus = Corpus(tmp_path).declare(**DETECTION)
    pixels = np.random.default_rng(1).integers(0, 255, (40, 60), dtype=np.uint8)
    corpus.put("images/1.png", encoded(pixels))
    corpus.put("annotations/1.xml", voc(("ship", 10, 5, 30, 25), width=60, height=40))
    assert (np.asarray(opened(shown(corpus)["picture"])) == pixels).all()
    corpus.put("images/1.png", picture(1600, 800))
    corpus.put("annotations/1.xml", voc(("ship", 10, 5, 30, 25), width=1600, height=800))
    found = shown(corpus)
    assert (opened(found["picture"]).size, found["width"]) == ((LARGEST, LARGEST // 2), 1600)


def test_a_picture_that_is_gone_is_named_with_the_way_out(tmp_path: Path) -> None:
    corpus = Corpus(tmp_path).declare(**DETECTION)
    corpus.add("1", ("ship", 10, 5, 30, 25))
    corpus.index()
    (corpus.folder / "images/1.png").unlink()
    pair = {"image_id": "made/1", "corpus": "made", "caption": "", "facts": FACTS.json}
    with pytest.raises(ArtefactError, match=r"data/made/images/1\.png.*restore it"):
        shown_of(corpus.project, SourcePictures(corpus.project), pair)
