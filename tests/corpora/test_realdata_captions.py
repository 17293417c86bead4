"""Real caption files in further versions and layouts, read as they are."""

import pytest

from sartext.catalogue.loading import PACKAGED, load_entry
from sartext.corpora.formats.coco import read_coco_captions
from sartext.corpora.formats.karpathy import read_karpathy
from sartext.corpora.reading import Source

pytestmark = pytest.mark.realdata


@pytest.fixture
def source(realdata):
    def find(name, folder, file):
        if not (realdata / folder / file).is_file():
            pytest.skip(f"no {folder} among the real corpora")
        return Source(realdata / folder, file, load_entry(PACKAGED / f"{name}.yaml"))

    return find


@pytest.mark.parametrize(
    ("name", "before", "after", "images", "differing"),
    [
        ("ucm-captions", ("UCM-captions", "dataset.json.gz"), "dataset_ucm_modified.json.gz", 2100, 356),
        (
            "sydney-captions",
            ("Sydney-captions", "dataset_sydney_modified.json.gz"),
            "dataset_sydney_modified.json.gz",
            613,
            0,  # the two copies of this file hold the same sentences
        ),
    ],
)
def test_corrected_captions_are_read_beside_the_first(source, name, before, after, images, differing):
    first, second = (
        {record.name: record.captions for record in read_karpathy(source(name, *place))}
        for place in (before, ("captions-modified", after))
    )
    assert len(first) == len(second) == images
    pairs = [pair for image in first for pair in zip(first[image], second[image], strict=True)]
    assert (len(pairs), sum(old != new for old, new in pairs)) == (5 * images, differing)


def test_rsicd_in_the_layout_of_coco_has_another_test_split(source, realdata):
    records = read_coco_captions(source("rsicd", "RSICD", "coco_style/captions_test2017.json.gz"))
    listed = set((realdata / "RSICD/rsicd_precomp/test_filename.txt").read_text().split())
    here = {path.name for path in (realdata / "RSICD/RSICD_images").iterdir()} & listed
    assert len(records) == len(listed) == 1093
    assert (len(here), len(here & {record.name for record in records})) == (217, 14)
