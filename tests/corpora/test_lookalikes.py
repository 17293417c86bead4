"""Every corpus of the catalogue is read: a look-alike of each, in its layout, with what its index must hold."""

from functools import partial

import pytest
import yaml

from sartext.catalogue.loading import PACKAGED, load_entry
from sartext.config import Project
from sartext.corpora.index import build_index
from sartext.narrator.stage import caption_corpus
from sartext.tables import CAPTIONS, INDEX, read_rows
from tests.corpora.lookalikes import (
    coco_boxes,
    db_tiff,
    dsn_slc,
    gaofen,
    hqrs,
    karpathy,
    lines,
    luojiaset,
    masks,
    merged_voc,
    nwpu,
    opensarship_scene,
    pairs,
    palette,
    patches,
    sardet,
    sen12ms_cr,
    srsdd,
    terramesh,
    text_boxes,
    turned_voc,
    voc_boxes,
)
from tests.corpora.making import shares

SHARES = "0 0.5 0.5 0.25 0.25\n"
TURNED = "10 10 30 10 30 20 10 20 car 0\n"
YOLO = {"images": "images/{}.jpg", "labels": "labels/{}.txt", "line": SHARES}
FLOODED = {"codes": (0, 1), "values": db_tiff}
QXS = [(f"sar_256_oc_0.2/{number}.png", f"opt_256_oc_0.2/{number}.png") for number in (1, 2)]
SEASONS = [f"ROIs1970_{season}_s{{}}_2_p10.png" for season in ("fall", "spring")]
OIL = [(0, 0, 0), (0, 255, 255)]
FUSAR = [(0, 0, 255), (255, 0, 0)]

WRITERS = {
    "ssdd": partial(voc_boxes, names=["000001", "000002"]),
    "msar": partial(voc_boxes, names=["1", "2"], labels=("ship", "aircraft", "bridge", "oiltank")),
    "rsdd-sar": partial(
        turned_voc, names=["1_1", "1_2"], images="JPEGImages/{}.jpg", annotations="Annotations/{}.xml"
    ),
    # a file of DSSDD is named by a number, and calls its image after the scene and the place in it
    "dssdd": partial(
        turned_voc,
        names=["000001", "000006"],
        images="images/{}.png",
        annotations="annotations/{}.xml",
        filename="S1A_1_2_300_400",
    ),
    "ls-ssdd": partial(
        voc_boxes, names=["01_1_1", "01_1_2"], images="images/{}.jpg", annotations="annotations/{}.xml"
    ),
    "sar-aircraft": merged_voc,
    "hrsid": partial(
        coco_boxes,
        images="images/{}.jpg",
        annotations="annotations/train2017.json",
        names=["P0001_0_800_0_800", "P0002_0_800_0_800"],
        categories=["ship"],
    ),
    "sardet-100k": sardet,
    "sadd": partial(text_boxes, names=["1", "2"], **YOLO),
    "sar-ship-dataset": partial(text_boxes, names=["Gao_ship_hh_1", "Sen_ship_vv_2"], **YOLO),
    "sived": partial(
        text_boxes,
        names=["train/1", "valid/2", "test/3"],
        images="images/{}.jpg",
        labels="labels/{}.txt",
        line=TURNED,
    ),
    "srsdd": srsdd,
    "oil-spill": partial(palette, image="images/img_0001.jpg", label="masks/img_0001.png", colours=OIL),
    "fusar-map": partial(palette, image="images/1.tif", label="labels/1.png", colours=FUSAR),
    "bright": partial(
        masks,
        image="post-event/{}_post_disaster.tif",
        label="target/{}_building_damage.tif",
        names=["bata-explosion_00000000", "bata-explosion_00000001"],
        codes=(1, 3),
    ),
    "openearthmap-sar": partial(
        masks,
        image="train/sar_images/{}.tif",
        label="train/labels/{}.tif",
        names=["TrainArea_001", "TrainArea_002"],
        codes=(6, 8),
    ),
    "polsf": partial(
        masks,
        image="SF-AIRSAR/SF-AIRSAR-Pauli{}.bmp",
        label="SF-AIRSAR/SF-AIRSAR-label2d{}.png",
        names=[""],
        codes=(3, 4),
    ),
    "sen1floods11": partial(
        masks, image="S1/{}_S1Hand.tif", label="Labels/{}_LabelHand.tif", names=["Spain_1", "Ghana_2"], **FLOODED
    ),
    "terramesh": terramesh,
    "luojiaset-osfcr": luojiaset,
    "osdataset": partial(
        pairs,
        names=[(f"{part}/sar{at}.png", f"{part}/opt{at}.png") for at, part in enumerate(("train", "val", "test"))],
    ),
    "qxs-saropt": partial(pairs, names=QXS),
    "sen1-2": partial(
        pairs, names=[(f"indata/trainA/{name.format(1)}", f"indata/trainB/{name.format(2)}") for name in SEASONS]
    ),
    "volkov-s1s2": partial(pairs, names=[("sar/001.png", "opt/001.png")]),
    "dsn-slc": dsn_slc,
    "dsn-tsx": partial(
        patches,
        folder="TSX",
        suffix="png",
        names=["ships_TSX_1_HH_0_0", "ships_TSX_1_HH_32_0", "railways_TSX_2_HH_0_0"],
    ),
    "opensarship": opensarship_scene,
    "rsicd": partial(lines, folder="rsicd_precomp", images="RSICD_images/{}.jpg"),
    "rsitmd": partial(lines, folder="rsitmd_precomp", images="images/{}.tif"),
    "ucm-captions": partial(karpathy, file="dataset.json", images="UCM_images/{}.tif"),
    "sydney-captions": partial(karpathy, file="dataset_sydney_modified.json", images="Sydney_images/{}.tif"),
    "nwpu-captions": nwpu,
    "hqrs-it-210k": hqrs,
    "gf3-quadpol": gaofen,
    "sen12ms-cr": sen12ms_cr,
}


@pytest.fixture
def index(tmp_path):
    """Write the look-alike of a corpus and index it as the package's catalogue declares it."""

    def run(name):
        entry = {**yaml.safe_load((PACKAGED / f"{name}.yaml").read_text()), "quarantine_limit": 1.0}
        path = tmp_path / "catalogue" / f"{name}.yaml"
        path.parent.mkdir()
        path.write_text(yaml.safe_dump(entry))
        listed = {name: {"catalogue": f"catalogue/{name}.yaml"}}
        (tmp_path / "params.yaml").write_text(yaml.safe_dump({"corpora": listed}))
        project = Project(tmp_path)

        def put(path, content):
            target = project.source(name) / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content.encode() if isinstance(content, str) else content)

        WRITERS[name](put)
        return project, build_index(project, name)

    return run


FOUND = {
    "ssdd": (2, {"ship": 1}),
    "msar": (2, {"aircraft": 1, "bridge": 1, "ship": 1, "storage-tank": 1}),
    "rsdd-sar": (2, {"ship": 2}),
    "dssdd": (2, {"ship": 2}),
    "ls-ssdd": (2, {"ship": 1}),
    "sar-aircraft": (2, {"a320-321": 2}),
    "hrsid": (2, {"ship": 1}),
    "sardet-100k": (3, {"aircraft": 1, "bridge": 1, "harbor": 1, "ship": 3, "storage-tank": 1, "vehicle": 1}),
    "sadd": (2, {"aircraft": 1}),
    "sar-ship-dataset": (2, {"ship": 1}),
    "sived": (3, {"vehicle": 1}),
    "srsdd": (2, {"cargo": 2, "container-ship": 2}),
    "oil-spill": (1, {"sea": 0.5, "oil-spill": 0.5}),
    "fusar-map": (1, {"water": 0.5, "building": 0.5}),
    "bright": (2, {"intact-building": 0.5, "destroyed-building": 0.5}),
    "openearthmap-sar": (2, {"water": 0.5, "building": 0.5}),
    "polsf": (1, {"water": 0.5, "urban": 0.5}),
    "sen1floods11": (2, {"not-water": 0.5, "water": 0.5}),
    "terramesh": (4, {"water": 0.5, "built-up": 0.5}),
    "luojiaset-osfcr": (2, {"code-2": 0.5, "code-4": 0.5}),
    "osdataset": (6, {}),
    "qxs-saropt": (4, {}),
    "sen1-2": (4, {}),
    "volkov-s1s2": (2, {}),
    "dsn-slc": (3, {"forest": 1, "water": 2}),
    "dsn-tsx": (3, {"railways": 1, "ships": 2}),
    "opensarship": (2, {"cargo": 1, "tanker": 1}),
    "rsicd": (2, 10),
    "rsitmd": (2, 10),
    "ucm-captions": (3, 15),
    "sydney-captions": (3, 15),
    "nwpu-captions": (2, 10),
    "hqrs-it-210k": (2, 3),
    "gf3-quadpol": (2, {}),
    "sen12ms-cr": (2, {}),
}
"""Rows of the index, and what they hold: objects, scene classes, shares of land cover, or how many captions."""

LEFT_OUT = {
    "luojiaset-osfcr": {"image": {"misplaced-file": 1}},
    "dsn-slc": {"annotation": {"listed-without-image": 1}},
    "opensarship": {"annotation": {"impossible-course": 2}},
}
"""Reasons of the quarantine, of those that have any."""

SPLITS = {
    "ssdd": {"train": 1, "test": 1},
    "hrsid": {"train": 2},
    "sardet-100k": {"train": 1, "val": 1, "test": 1},
    "sived": {"train": 1, "valid": 1, "test": 1},
    "srsdd": {"train": 1, "test": 1},
    "osdataset": {"train": 2, "validation": 2, "test": 2},
    "sen1-2": {"train": 4},
    "dsn-slc": {"train": 2, "validation": 1},
    **{name: {"train": 1, "test": 1} for name in ("rsicd", "rsitmd", "nwpu-captions", "sen12ms-cr")},
    **{name: {"train": 1, "val": 1, "test": 1} for name in ("ucm-captions", "sydney-captions")},
}
"""Rows of each published split, of those that publish one."""


def test_every_corpus_of_the_catalogue_has_a_look_alike():
    # the embedded ones are simulated, and read, by tests of their own
    real = {path.stem for path in PACKAGED.glob("*.yaml") if not load_entry(path).embedded}
    assert set(WRITERS) == set(FOUND) == real


@pytest.mark.parametrize("name", WRITERS)
def test_a_corpus_is_read_as_the_catalogue_declares_it(index, name):
    project, metrics = index(name)
    rows = read_rows(project.corpus(name) / "index.parquet", INDEX)
    count, held = FOUND[name]
    assert len(rows) == metrics["indexed"] == count
    if isinstance(held, int):
        assert metrics["captions"] == held
    elif any(row["regions"] for row in rows):
        assert shares(next(row for row in rows if row["regions"])) == pytest.approx(held)
    else:
        assert (metrics["objects"] or metrics["scene_classes"]) == held
    reasons = {kind: found for kind, found in metrics["reasons"].items() if found}
    assert reasons == LEFT_OUT.get(name, {})
    assert metrics["splits"] == SPLITS.get(name, {"none": count})


NAMED = {
    "ssdd": "one ship",
    "msar": "one aircraft, one bridge, one ship and one storage tank",
    "sar-aircraft": "one A320 or A321 aircraft",
    "sardet-100k": "one aircraft, one bridge, one harbor, one ship, one storage tank and one vehicle",
    "sived": "one vehicle",
    "srsdd": "one cargo ship and one container ship",
    "oil-spill": "an oil spill",
    "bright": "destroyed buildings",
    "openearthmap-sar": "buildings",
    "polsf": "built-up areas",
    "terramesh": "built-up areas",
    "dsn-slc": "a forest",
    "opensarship": "a cargo ship",
}


@pytest.mark.parametrize("name", NAMED)
def test_captions_call_things_as_the_shared_vocabulary_does(index, name):
    project, _ = index(name)
    caption_corpus(project, name)
    captions = read_rows(project.captions(name) / "captions.parquet", CAPTIONS)
    assert NAMED[name].casefold() in captions[0]["caption"].casefold()


@pytest.mark.parametrize("name", ["fusar-map", "luojiaset-osfcr"])
def test_no_caption_is_made_of_a_legend_that_nobody_confirmed(index, name):
    project, _ = index(name)
    assert caption_corpus(project, name)["captions"] == 0
