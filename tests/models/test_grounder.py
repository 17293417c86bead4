"""A grounder: its folder, what its maps say in numbers, and what it cannot take."""

import numpy as np
import pytest
import torch

from sartext.errors import ModelError
from sartext.files import write_json
from sartext.models.grounder.checkpoint import GrounderFoundation, load_grounder, save_grounder, start_grounder
from sartext.models.grounder.maps import Grounding, Peak, ground, peaks_of
from sartext.models.grounder.network import Maps
from sartext.narrator.vocabulary import Vocabulary, vocabulary_of
from tests.models.grounders import entries_of, small_foundation, small_grounder
from tests.models.making import pictures


def logit(chance):
    return float(np.log(chance / (1 - chance)))


def test_a_saved_grounder_sees_the_same(tmp_path):
    grounder = small_grounder(tmp_path, side=32)
    grounder.network.train()(grounder.normalise(torch.from_numpy(pictures(4, 40, 40)[:, :32, :32])))
    digest = save_grounder(grounder, tmp_path / "model")  # with statistics of its normalisation
    again = load_grounder(tmp_path / "model")
    assert again.sha256 == digest and again.config == grounder.config
    grounder.network.eval()
    batch = torch.from_numpy(pictures(3, 40, 40, seed=5)[:, :32, :32])
    with torch.no_grad():
        expected, maps = (each.network(each.normalise(batch)) for each in (grounder, again))
    assert all(torch.equal(*pair) for pair in zip(expected, maps, strict=True))
    assert maps.heat.shape == (3, len(again.config.things), 16, 16) and again.config.cells == 16
    seen = ground(again, list(batch.numpy()))
    assert [each.peaks for each in seen] == peaks_of(maps, again.config)
    np.testing.assert_allclose(seen[0].cover.sum(axis=0), 1.0, rtol=1e-5)


def test_with_turns_a_turned_picture_has_its_objects_turned(tmp_path):
    foundation = small_foundation(tmp_path, "widths: [8, 16]\npyramid: 8\nturns: 8\n")
    vocabulary = vocabulary_of(entries_of("sim-objects").values())
    save_grounder(start_grounder(foundation, vocabulary, side=32, seed=3), tmp_path / "model")
    grounder = load_grounder(tmp_path / "model")
    torch.nn.init.zeros_(grounder.network.heat.bias)  # peaks that are high enough to be listed
    picture = pictures(1, 40, 40)[0][:32, :32]
    (plain,) = ground(grounder, [picture])
    heights = sorted(peak.score for peak in plain.peaks)
    for turned in (np.rot90(picture), picture[:, ::-1], np.rot90(picture, 2)[:, ::-1]):
        (seen,) = ground(grounder, [np.ascontiguousarray(turned)])
        assert sorted(peak.score for peak in seen.peaks) == pytest.approx(heights, abs=1e-5) and heights
    without = GrounderFoundation.model_validate(grounder.config.foundation.model_dump() | {"turns": 1})
    grounder.config = grounder.config.model_copy(update={"foundation": without})
    assert ground(grounder, [picture])[0].peaks != plain.peaks


@pytest.mark.parametrize("missing", ["things", "stuff", "scenes"])
def test_corpora_may_lack_objects_land_cover_or_scenes(tmp_path, missing):
    full = {
        "things": {"ship": ("ship", "ship", "ships")},
        "stuff": {"water": ("water", "water")},
        "scenes": ("a bay",),
    }
    vocabulary = Vocabulary({}, **{**full, missing: type(full[missing])()})
    save_grounder(start_grounder(small_foundation(tmp_path), vocabulary, side=16, seed=3), tmp_path / "model")
    (seen,) = ground(load_grounder(tmp_path / "model"), [np.zeros((16, 16, 3), np.uint8)])
    assert seen.cover.shape == (1 + (missing != "stuff"), 8, 8) and len(seen.scenes) == (missing != "scenes")
    assert not seen.peaks if missing == "things" else {peak.label for peak in seen.peaks} <= {"ship"}


def test_peaks_are_where_objects_are(tmp_path):
    config = small_grounder(tmp_path).config.model_copy(update={"things": ("ship", "bridge")})
    heat = torch.full((1, 2, 8, 8), -9.0)
    size, offset = torch.zeros(1, 2, 8, 8), torch.zeros(1, 2, 8, 8)
    heat[0, 0, 2, 3], heat[0, 0, 2, 4], heat[0, 0, 3, 2] = logit(0.6), logit(0.35), logit(0.3)  # one ship
    heat[0, 1, 2, 4] = logit(0.4)  # another class hides nothing
    heat[0, 0, 7, 7] = logit(0.9)
    heat[0, 1, 5, 0] = logit(0.01)  # too faint
    heat[0, 0, 2, 5], heat[0, 0, 5, 3] = logit(0.45), logit(0.2)  # of the same ship another peak; another ship
    size[0, :, 2, 3], size[0, :, 2, 5] = torch.tensor([5.0, 1.5]).log(), torch.tensor([3.0, 1.5]).log()
    offset[0, :, 2, 3] = torch.tensor([0.25, -0.5])
    (peaks,) = peaks_of(Maps(heat, size, offset, heat, torch.zeros(1, 0), torch.zeros(1, 4)), config)
    expected = [
        Peak("ship", 15, 15, 2, 2, 0.9),
        Peak("ship", 7.5, 4, 10, 3, 0.6),  # x = (3 + 0.5 + 0.25) * 2, y = (2 + 0.5 - 0.5) * 2
        Peak("bridge", 9, 5, 2, 2, 0.4),
        Peak("ship", 7, 11, 2, 2, 0.2),
    ]
    assert [peak.label for peak in peaks] == [peak.label for peak in expected]
    np.testing.assert_allclose([peak[1:] for peak in peaks], [peak[1:] for peak in expected], rtol=1e-5)


def test_doubt_is_how_undecided_the_cells_are():
    cover = np.array([[[1.0, 0.5]], [[0.0, 0.5]], [[0.0, 0.0]]], dtype=np.float32)
    doubt = Grounding(16, (), ("water", "forest"), cover, {}, {}).doubt
    assert doubt == pytest.approx({"water": np.sqrt(0.125), "forest": np.sqrt(0.125)})


def test_shares_by_zone_are_those_of_the_map():
    cover = np.random.default_rng(2).dirichlet((1, 1, 1), (8, 8)).transpose(2, 0, 1).astype(np.float32)
    shares = Grounding(16, (), ("water", "forest"), cover, {}, {}).shares
    for layer, key in zip(cover, ("water", "forest"), strict=False):
        expected = {
            "image": layer,
            "upper-left": layer[:4, :4],
            "upper-right": layer[:4, 4:],
            "lower-left": layer[4:, :4],
            "lower-right": layer[4:, 4:],
            "middle": layer[2:6, 2:6],
        }
        assert shares[key] == pytest.approx({zone: float(part.mean()) for zone, part in expected.items()})


def test_pictures_of_another_side_or_kind_are_refused(tmp_path):
    grounder = small_grounder(tmp_path)
    for picture in (np.zeros((24, 24, 3), np.uint8), np.zeros((16, 16), np.uint8), np.zeros((16, 16, 3))):
        with pytest.raises(ModelError, match=r"uint8 of 16 x 16; squash them to the model's side") as raised:
            ground(grounder, [picture])
        assert "\n" not in str(raised.value)
    mixed = [np.zeros((side, side, 3), np.uint8) for side in (16, 24)]
    message = r"different shapes, \(16, 16, 3\) and \(24, 24, 3\), in one batch; squash them all to its side of 16"
    with pytest.raises(ModelError, match=message) as raised:
        ground(grounder, mixed)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "side", "message"),
    [
        ("widths: [8, 16]\npyramid: 8", 18, "pictures of 18 pixels do not divide into cells of 4, .* to 16"),
        ("widths: [8, 16]\npyramid: 8\narchitecture: tf_efficientnet_lite0", 16, "architecture: name a network"),
        ("pyramid: 8", 16, "architecture: name a network of timm, or `widths` of a small tower, one of the two"),
        ("widths: [8]\npyramid: 8\npretrained: efficientnet-lite0", 16, "pretrained: weights are of a network"),
        ("width: [8]\npyramid: 8", 16, "did you mean 'widths'"),
    ],
)
def test_what_a_foundation_cannot_have_is_said_with_its_file(tmp_path, text, side, message):
    path = small_foundation(tmp_path, text)
    with pytest.raises(ModelError, match=message) as raised:
        start_grounder(path, vocabulary_of(entries_of("sim-objects").values()), side=side, seed=1)
    assert str(raised.value).startswith(str(path)) and "\n" not in str(raised.value)


def test_a_folder_that_is_no_grounder_or_another_is_refused(tmp_path):
    grounder, folder = small_grounder(tmp_path), tmp_path / "model"
    with pytest.raises(ModelError, match=r"no grounder: there is no grounder_config.json.*sartext train grounder"):
        load_grounder(tmp_path)
    digest = save_grounder(grounder, folder)
    write_json(folder / "training.json", {"model_sha256": digest})
    assert load_grounder(folder).sha256 == digest
    save_grounder(small_grounder(tmp_path, seed=4), folder)
    with pytest.raises(ModelError, match=r"not the weights that the training wrote: .*; build or copy"):
        load_grounder(folder)
    (folder / "training.json").unlink()
    fewer = grounder.config.model_copy(update={"things": grounder.config.things[1:]})
    write_json(folder / "grounder_config.json", fewer.model_dump(mode="json"))
    with pytest.raises(ModelError, match=r"the weights are of another architecture: 'heat\.weight'"):
        load_grounder(folder)
    (folder / "model.safetensors").unlink()
    with pytest.raises(ModelError, match=r"no grounder: there is no model.safetensors"):
        load_grounder(folder)
    save_grounder(grounder, folder)
    write_json(folder / "grounder_config.json", {**grounder.config.model_dump(mode="json"), "side": "wide"})
    with pytest.raises(ModelError, match=r"grounder_config\.json") as raised:
        load_grounder(folder)
    assert "\n" not in str(raised.value)
