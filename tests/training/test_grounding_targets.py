"""What a grounder is taught: masks in the shards, boxes and masks as maps, and what a corpus does not know."""

import numpy as np
import pytest
import torch
from PIL import Image

from sartext.catalogue.entry import Entry
from sartext.corpora.images import decode
from sartext.corpora.masks import MASK_NO_DATA, MASK_UNKNOWN, squashed_mask
from sartext.corpora.radiometry import to_db
from sartext.models.grounder.network import Maps
from sartext.narrator.vocabulary import vocabulary_of
from sartext.tables import INDEX
from sartext.training.augmentation import turn, turn_box
from sartext.training.grounding.batches import GroundingBatch
from sartext.training.grounding.losses import NAMES, losses
from sartext.training.grounding.targets import TargetMaker, zone_weights
from sartext.training.shards.reading import Pair, open_shards
from tests.models.grounders import entries_of
from tests.release.indexed import rows_by_id

SIDE, STRIDE = 32, 2


def boxed(label, x, y, width, height):
    """A row of `tables.OBJECT`, by centre and size."""
    corners = {"xmin": x - width / 2, "ymin": y - height / 2, "xmax": x + width / 2, "ymax": y + height / 2}
    return {"label": label, "angle": None, **corners}


def pair_of(corpus, *boxes):
    return Pair(f"{corpus}/1", corpus, "train", "g", "sar", "m", (), None, boxes, (), None, 0, "s", (), ())


def maker_of(*names, side=SIDE, **changed: Entry):
    entries = {**entries_of(*names), **changed}
    return TargetMaker(entries, vocabulary_of(entries.values()), side, STRIDE)


def test_a_mask_in_the_shards_is_that_of_the_file_in_codes_of_the_catalogue(mini_project):
    entry = entries_of("sim-landcover")["sim-landcover"]
    rows = rows_by_id(mini_project.corpus("sim-landcover") / "index.parquet", INDEX)
    codes = set()
    with open_shards(mini_project.build / "shards" / "sar") as shards:
        pairs = [pair for pair in shards.rows("train") if pair.corpus == "sim-landcover"]
        assert pairs and all(
            shards.mask(pair) is None
            for pair in shards.rows("train")
            if pair.corpus in {"sim-ships", "sim-objects"}
        )
        for pair in pairs:
            path = mini_project.root / rows[pair.image_id]["path"]
            colours = np.asarray(Image.open(path.parents[1] / "masks" / f"{path.stem}.png").convert("RGB"))
            expected = np.full(colours.shape[:2], MASK_UNKNOWN)
            for code, kind in enumerate(entry.classes):
                expected[(colours == kind.colour).all(axis=2)] = code if kind.valid else MASK_NO_DATA
            plain = expected != MASK_UNKNOWN  # the colours of a few edges are blended
            empty = ~np.isfinite(to_db(decode(path.read_bytes(), entry.bands), entry))
            expected[empty] = MASK_NO_DATA
            mask = shards.mask(pair)
            assert plain.mean() > 0.8 and (mask == expected)[plain | empty].all()
            small = squashed_mask(mini_project.root, rows[pair.image_id], entry, 32)
            assert (small == mask[1::2, 1::2]).all(), "of the pixel in which the centre of the smaller one lies"
            codes |= set(mask.ravel().tolist())
    assert codes >= {*range(1, 8), MASK_NO_DATA} and 0 not in codes


@pytest.mark.parametrize("k", range(8))
def test_turned_targets_are_those_of_the_turned_annotation(k):
    rng = np.random.default_rng(k)
    maker = maker_of("sim-landcover")
    boxes = [boxed("ship", *rng.uniform(4.1, 27.9, 2), *rng.uniform(2, 9, 2)) for _ in range(3)]
    mask = rng.choice([1, 2, 5, 7, MASK_UNKNOWN, MASK_NO_DATA], (SIDE, SIDE)).astype(np.uint8)
    pair = pair_of("sim-landcover", *boxes)
    upright, turned = maker.of(pair, mask), maker.of(pair, mask, k)
    for name in ("heat", "cover", "other", "data"):
        maps, expected = getattr(turned, name), getattr(upright, name)
        flat, wanted = (each.reshape(-1, *each.shape[-2:]) for each in (maps, expected))
        np.testing.assert_allclose(flat, [turn(layer, k) for layer in wanted], atol=1e-6)
    (_, rows, columns), (across, down, width, height) = turned.centres.T, turned.boxes.T
    seen = np.array([columns + 0.5 + across, rows + 0.5 + down, np.exp(width), np.exp(height)]).T * STRIDE
    lying = [turn_box(box, SIDE, k) for box in boxes]
    expected = [
        (
            *((box[f"{axis}min"] + box[f"{axis}max"]) / 2 for axis in "xy"),
            *(box[f"{axis}max"] - box[f"{axis}min"] for axis in "xy"),
        )
        for box in lying
    ]
    np.testing.assert_allclose(seen, expected, atol=1e-4)
    assert (abs(turned.boxes[:, :2]) <= 0.5).all() and (turned.heat[0, rows, columns] == 1).all()


def test_shares_of_a_cell_are_those_of_its_pixels():
    mask = np.full((SIDE, SIDE), 1, dtype=np.uint8)  # water
    mask[0, :2] = [2, 2]  # a row of forest
    mask[:2, 2:4] = [[MASK_NO_DATA, 2], [MASK_UNKNOWN, 7]]  # nothing, forest, unknown, a ship
    maker = maker_of("sim-landcover")
    targets = maker.of(pair_of("sim-landcover"), mask)
    water, forest = (targets.cover[maker.stuff.index(name), 0, :3].tolist() for name in ("water", "forest"))
    assert (water, forest) == ([0.5, 0, 1], [0.5, 0.25, 0])
    assert targets.data[0, :3].tolist() == [1, 0.75, 1] and not targets.other.any()
    zones = np.einsum("zrc,rc->z", zone_weights(16), np.pad(np.ones((8, 8)), ((0, 8), (0, 8))))
    assert zones == pytest.approx([1 / 4, 1, 0, 0, 0, 1 / 4])


def test_a_corpus_teaches_only_what_it_annotates():
    objects = entries_of("sim-objects")["sim-objects"]
    part = objects.model_copy(
        update={
            "name": "part",
            "classes": tuple(
                kind.model_copy(update={"exhaustive": kind.label != "bridge"}) for kind in objects.classes
            ),
        }
    )
    land = entries_of("sim-landcover")["sim-landcover"]
    told = tuple(
        kind.model_copy(update={"say": kind.label != "water", "exhaustive": kind.label != "forest"})
        for kind in land.classes
    )
    maker = maker_of("sim-landcover", part=part, dry=land.model_copy(update={"classes": told}))
    mask = np.full((SIDE, SIDE), 1, dtype=np.uint8)
    named = {
        corpus: {
            key for key, known in zip(maker.things, maker.of(pair_of(corpus), None).known, strict=True) if known
        }
        for corpus in maker.entries
    }
    ships = {"ship"}
    assert named == {"sim-landcover": ships, "dry": ships, "part": {"ship", "aircraft", "vehicle", "storage tank"}}
    bare = maker.of(pair_of("part", boxed("bridge", 9, 9, 4, 4)), None)
    assert not bare.cover.any() and not bare.data.any() and len(bare.centres) == 1
    targets = maker.of(pair_of("dry"), mask)  # captions of this corpus do not name its water
    barred = {key for key, allowed in zip(maker.stuff, targets.allowed, strict=False) if not allowed}
    assert targets.other.all() and not targets.cover.any() and targets.allowed[-1]
    assert barred == {"cropland", "bare soil", "built-up areas", "roads"}, "it may be another's water, or forest"


def two_cells(
    *, cover=None, other=(0, 0), data=(1, 1), allowed=(True, True, True), heat=(0, 0), known=True, centres=()
):
    """A batch of one picture of two cells, one thing and two classes of land cover, with maps of even chances."""
    chances = [[0.5, 0.2], [0.3, 0.2], [0.2, 0.6]]
    cover = torch.tensor(cover or [[0, 0], [0, 0]], dtype=torch.float32).view(1, 2, 1, 2)
    maps = Maps(
        torch.zeros(1, 1, 1, 2, requires_grad=True),
        torch.zeros(1, 2, 1, 2, requires_grad=True),
        torch.zeros(1, 2, 1, 2, requires_grad=True),
        torch.tensor(chances).log().view(1, 3, 1, 2).requires_grad_(),
        torch.zeros(1, 2, requires_grad=True),
        torch.tensor([[1.0, 2.0, -1.0]], requires_grad=True),
    )
    batch = GroundingBatch(
        0,
        torch.zeros(1, 3, 2, 4, dtype=torch.uint8),
        torch.tensor(heat, dtype=torch.float32).view(1, 1, 1, 2),
        torch.tensor([[known]]),
        torch.tensor(centres, dtype=torch.int64).view(-1, 4),
        torch.tensor([[0.2, -0.2, 1.0, 0.0]] * len(centres)).view(-1, 4),
        cover,
        torch.tensor(other, dtype=torch.float32).view(1, 1, 2),
        torch.tensor(data, dtype=torch.float32).view(1, 1, 2),
        torch.tensor([allowed]),
        torch.tensor([-1]),
        ("a",),
    )
    values = losses(maps, batch, torch.full((1, 1, 2), 0.5))
    gradients = torch.autograd.grad(values.sum(), maps, materialize_grads=True)
    return dict(zip(NAMES, values.tolist(), strict=True)), Maps(*gradients)


def test_losses_of_land_cover_by_hand():
    values, _ = two_cells(cover=[[1, 0], [0, 1]])
    assert values["cover"] == pytest.approx(-np.log([0.5, 0.2]).mean())
    assert values["share"] == pytest.approx(abs(0.35 - 0.5) + abs(0.25 - 0.5))
    values, gradients = two_cells(cover=[[1, 0], [0, 0]], other=(0, 1), allowed=(False, True, True))
    assert values["cover"] == pytest.approx(-np.log([0.5, 0.2 + 0.6]).mean()), "of the second class or of none"
    assert values["share"] == pytest.approx(abs(0.35 - 0.5) + 0.25)
    values, gradients = two_cells(cover=[[1, 0], [0, 0]], data=(1, 0))  # the second cell is beyond the swath
    assert values["cover"] == pytest.approx(-np.log(0.5)) and values["share"] == pytest.approx(0.5 + 0.3)
    assert not gradients.cover[..., 1].any() and gradients.cover[..., 0].any()


def test_presence_is_taught_where_it_is_decided():
    """Logits 1 of the thing, 2 and -1 of the land cover; -log(sigmoid(x)) is softplus(-x)."""
    yes, no = (lambda logit: np.log1p(np.exp(-logit))), (lambda logit: np.log1p(np.exp(logit)))
    both = {"allowed": (False, False, True), "cover": [[1, 0.999], [0, 0.001]]}
    values, _ = two_cells(**both)
    assert values["presence"] == pytest.approx((no(1) + yes(2) + no(-1)) / 3), "half a thousandth is not there"
    values, gradients = two_cells(**both | {"allowed": (False, True, True)}, known=False)
    assert values["presence"] == pytest.approx(yes(2))
    assert gradients.presence[0, 0] == gradients.presence[0, 2] == 0
    values, _ = two_cells(known=False, centres=[(0, 0, 0, 0)], data=(0, 0), allowed=(False, False, True))
    assert values["presence"] == pytest.approx(yes(1)), "an object that is there, and no mask"


def test_losses_of_objects_by_hand():
    values, gradients = two_cells(heat=(1, 0.5), centres=[(0, 0, 0, 0)], data=(0, 0))
    half = -np.log(0.5) * 0.5**2
    assert values["heat"] == pytest.approx(half + half * 0.5**4)
    own, beside = (0.2 + 0.2 + 1.0 + 0.0) / 4, (abs(0.2 - 1) + 0.2 + 1.0 + 0.0) / 4
    assert values["box"] == pytest.approx((2 * own + beside) / 3), "a cell beyond the border is that at the border"
    assert values["cover"] == values["share"] == values["scene"] == 0, "boxes teach no land cover"
    assert not gradients.cover.any() and not gradients.scene.any()
    values, gradients = two_cells(heat=(0, 0), known=False, data=(0, 0))
    assert set(values.values()) == {0} and not any(each.any() for each in gradients), "none are annotated"
    values, gradients = two_cells(heat=(1, 0.5), known=False, centres=[(0, 0, 0, 0)], data=(0, 0))
    assert values["heat"] == pytest.approx(half) and not gradients.heat[..., 1].any()
