"""A legend that contradicts backscatter stops the corpus before a caption is made of it."""

import numpy as np
import pytest
import yaml

from sartext.catalogue.loading import PACKAGED
from sartext.corpora.index import build_index
from sartext.corpora.legend import surface_of
from sartext.errors import CorpusError
from tests.corpora.making import Corpus, encoded, tiff

SIDE = 64
MEANS_DB = {"water": -20.0, "bare soil": -15.0, "crops": -13.0, "forest": -9.0, "built-up": -6.0}
RULE = {"format": "mask", "image": r"^images/(.+)\.(tif|png)$", "file": r"masks/\1.png"}


def legend(labels):
    return [
        {"label": label, "code": code, "noun": label, "plural": label, "hypernym": "land", "stuff": True}
        for code, label in enumerate(labels)
    ]


def declared(corpus, labels=tuple(MEANS_DB), **fields):
    fields = {"quantity": "db", "calibrated": True, "polarisation": "VV", **fields}
    return corpus.declare(
        kind="segmentation", images=["images/*"], annotations=RULE, classes=legend(labels), **fields
    )


def put(corpus, name, codes, display=False):
    """Put an image with speckle (four looks) whose pixels are of these codes, in the right legend."""
    random = np.random.default_rng(len(name))
    means = np.array(list(MEANS_DB.values()))[codes]
    decibels = means + 10 * np.log10(random.gamma(4, 0.25, codes.shape))
    if display:
        corpus.put(f"images/{name}.png", encoded(np.clip((decibels + 30) * 8, 0, 255).astype(np.uint8)))
    else:
        corpus.put(f"images/{name}.tif", tiff(decibels.astype(np.float32)))
    corpus.put(f"masks/{name}.png", encoded(codes.astype(np.uint8)))


def stripes(*codes):
    return np.repeat(np.array(codes), SIDE // len(codes))[None].repeat(SIDE, axis=0)


@pytest.mark.parametrize("display", [False, True], ids=["dB", "a picture"])
def test_water_brighter_than_built_up_land_stops_the_corpus(corpus, display):
    labels = ("built-up", "bare soil", "crops", "forest", "water")
    declared(corpus, labels, **({"quantity": "display", "calibrated": False} if display else {}))
    put(corpus, "one", stripes(0, 1, 2, 4), display)
    put(corpus, "other", stripes(0, 4), display)
    with pytest.raises(CorpusError) as caught:
        corpus.index()
    assert "the legend contradicts backscatter: bare soil is brighter than built-up" in str(caught.value)
    assert "water is brighter than built-up (100 % of pairs of pixels)" in str(caught.value)
    unit = "grey level" if display else "dB"
    assert f"means in {unit}: built-up " in str(caught.value)
    assert "backscatter_checked" in str(caught.value)
    assert not corpus.project.corpus(corpus.name).exists()


@pytest.mark.parametrize("display", [False, True], ids=["dB", "a picture"])
def test_the_right_legend_passes_and_its_means_are_told(corpus, display):
    declared(corpus, **({"quantity": "display", "calibrated": False} if display else {}))
    put(corpus, "one", stripes(0, 1, 3, 4), display)
    told = corpus.index()["backscatter"]
    assert told["contradictions"] == []
    assert told["compared"] == {
        "bare soil below built-up": 1,
        "water below built-up": 1,
        "water below forest": 1,
    }
    means = [told["means"][label] for label in ("water", "bare soil", "forest", "built-up")]
    assert means == sorted(means)


def test_a_catalogue_file_may_say_that_it_is_so(corpus):
    declared(corpus, ("built-up", "bare soil", "crops", "forest", "water"), backscatter_checked="a rough sea")
    put(corpus, "one", stripes(0, 4))
    told = corpus.index()["backscatter"]
    assert (len(told["contradictions"]), told["accepted"]) == (1, "a rough sea")


def test_a_few_wrong_pixels_and_one_odd_image_prove_nothing(corpus):
    declared(corpus)
    speck = np.zeros((SIDE, SIDE), int)
    speck[:9, :10] = 4
    put(corpus, "speck", speck)
    for name in ("right", "good"):
        put(corpus, name, stripes(0, 4))
    put(corpus, "odd", stripes(4, 0))
    corpus.put("masks/odd.png", encoded(stripes(0, 4).astype(np.uint8)))
    told = corpus.index()["backscatter"]
    assert told["contradictions"] == []
    assert told["compared"] == {"water below built-up": 3}


def test_a_mean_outside_the_range_that_the_catalogue_expects_stops_the_corpus(corpus):
    classes = legend(MEANS_DB)
    classes[2]["db_range"] = (-20, -16)
    declared(corpus)
    corpus.declare(**{**corpus.entry, "classes": classes})
    put(corpus, "one", stripes(0, 2))
    with pytest.raises(CorpusError, match=r"crops has -13\.\d dB, expected -20 to -16"):
        corpus.index()


@pytest.mark.parametrize(
    ("label", "noun", "surface"),
    [
        ("water", "water", "water"),
        ("Open_Water", "water", "water"),
        ("built-up", "built-up area", "built-up land"),
        ("urban", "built-up land", "built-up land"),
        ("code-1", "bare soil", "bare ground"),
        ("not-water", "dry land", None),
        ("look-alike", "look-alikes of oil spills", None),
        ("flooded-vegetation", "wetland vegetation", None),
    ],
)
def test_a_class_is_known_by_its_whole_name(corpus, label, noun, surface):
    declared(corpus)
    kind = {**legend(["x"])[0], "label": label, "noun": noun}
    corpus.declare(**{**corpus.entry, "classes": [kind]})
    assert surface_of(corpus.load().classes[0]) == surface


def of_polsf(root, realdata, labels):
    """PolSF with a legend: the label of each code from 1."""
    entry = yaml.safe_load((PACKAGED / "polsf.yaml").read_text())
    known = {kind["label"]: kind for kind in entry["classes"]}
    entry["classes"] = [{**known[label], "code": code} for code, label in enumerate(labels, 1)]
    corpus = Corpus(root, "polsf")
    (root / "data").mkdir(parents=True)
    (root / "data" / "polsf").symlink_to(realdata / "PolSF")
    return corpus.declare(**entry)


@pytest.mark.realdata
def test_polsf_with_the_legend_of_its_readme_is_stopped(tmp_path, realdata):
    of_readme = of_polsf(tmp_path, realdata, ["mountains", "water", "urban", "vegetation", "bare-soil"])
    with pytest.raises(CorpusError, match=r"water is brighter than urban \(80 % of pairs of pixels\)"):
        build_index(of_readme.project, "polsf")


@pytest.mark.realdata
def test_polsf_with_the_right_legend_is_indexed(tmp_path, realdata):
    right = of_polsf(tmp_path, realdata, ["bare-soil", "mountains", "water", "urban", "vegetation"])
    assert build_index(right.project, "polsf")["indexed"] == 1
