"""A physics set is whole and deterministic; its scenes have the facts of annotations, and no corpus has them."""

from itertools import islice

import numpy as np
import pytest

from sartext.corpora.images import decode
from sartext.corpora.masks import read_mask
from sartext.errors import EvaluationError
from sartext.evaluation.physics import ORDINARY, POINTS, SETTINGS, Setting
from sartext.evaluation.physics.rendering import REMOVED, intensity, reflect, render_physics
from sartext.evaluation.physics.scenes import (
    OWN,
    RECIPES,
    annotate,
    class_map,
    entry_of,
    noun_of,
    own_parameters,
    vocabulary,
)
from sartext.narrator.statements import OBJECT_COUNT, read_statements, statements_of
from sartext.simulation.composition import generator, shoot
from sartext.simulation.radar import display
from sartext.simulation.rendering import Task, render_image, sar_file
from tests.evaluation.physics.conftest import PARAMETERS

OWNED = own_parameters(PARAMETERS, seed=3)


def test_every_scene_is_imaged_at_every_setting(physics):
    assert set(physics.pictures) == set(SETTINGS) == set(POINTS.values())
    for pictures in (*physics.pictures.values(), physics.redrawn):
        assert pictures.shape == (12, 64, 64)
        assert pictures.dtype == np.uint8
    for setting in SETTINGS:
        if setting != ORDINARY and setting.contrast == 0:
            for place in range(12):
                assert not np.array_equal(physics.pictures[setting][place], physics.pictures[ORDINARY][place])


def test_speckle_drawn_anew_keeps_the_ground_and_moves_every_part_of_the_picture(physics):
    for place in range(12):
        ordinary, redrawn = (row[place].astype(float) for row in (physics.pictures[ORDINARY], physics.redrawn))
        assert np.mean(ordinary != redrawn) > 0.5
        assert ordinary.mean() == pytest.approx(redrawn.mean(), abs=6)


def test_one_object_less_is_one_less_in_the_facts(physics):
    assert physics.removals
    places = [removal.place for removal in physics.removals]
    assert max(places.count(place) for place in places) <= REMOVED
    for removal in physics.removals:
        before, after = (
            {said.label: int(said.value) for said in statements_of(facts) if said.kind == OBJECT_COUNT}
            for facts in (physics.scenes[removal.place].facts, removal.facts)
        )
        assert sum(before.values()) - sum(after.values()) == 1
        assert before[removal.noun] - after.get(removal.noun, 0) == 1
        assert not np.array_equal(removal.picture, physics.pictures[ORDINARY][removal.place])


def test_equal_seeds_give_equal_sets_and_other_seeds_others():
    other_data = PARAMETERS.model_copy(update={"seed": 1})
    first, again, other = (
        render_physics(parameters, scenes=2, seed=seed)
        for parameters, seed in ((PARAMETERS, 4), (other_data, 4), (PARAMETERS, 5))
    )
    assert first.sha256 == again.sha256, "the seed of the data decides nothing"
    assert first.sha256 != other.sha256


def test_more_scenes_keep_the_first_ones(physics):
    few = render_physics(PARAMETERS, scenes=3, seed=3)
    for setting in SETTINGS:
        np.testing.assert_array_equal(few.pictures[setting], physics.pictures[setting][:3])


def test_it_describes_itself(physics):
    described = physics.describe()
    assert (described["images"], described["groups"]) == (12, 12)
    assert described["corpora"] == {"sim-landcover": 4, "sim-objects": 4, "sim-ships": 4}
    assert described["distinct_facts"] == len({scene.key for scene in physics.scenes})
    assert len(described["sha256"]) == 64


def test_ordinary_pictures_are_formed_from_the_simulation_s_own_stream(physics):
    for place, scene in enumerate(physics.scenes):
        rng = generator(OWNED.seed, scene.corpus, scene.number, "radar")
        expected = display(intensity(reflect(scene.scene, scene.acquisition, rng)))
        np.testing.assert_array_equal(physics.pictures[ORDINARY][place], expected)


def test_one_scene_cannot_be_ranked():
    with pytest.raises(EvaluationError, match="nothing to rank"):
        render_physics(PARAMETERS, scenes=1, seed=0)


@pytest.fixture(scope="module")
def scenes(physics):
    return physics.scenes


def test_scenes_follow_the_annotated_recipes_in_turn(scenes):
    assert [scene.corpus for scene in scenes] == [*RECIPES] * 4
    assert len({scene.name for scene in scenes}) == 12
    assert all(scene.facts.objects or scene.facts.cover for scene in scenes)


def test_the_own_seed_is_above_all_seeds_of_parameters_and_gives_other_scenes(scenes):
    assert OWNED.seed >= OWN > 2**64
    assert OWNED.seed != own_parameters(PARAMETERS, 4).seed
    assert own_parameters(PARAMETERS, 3) == OWNED
    assert OWNED.model_dump(exclude={"seed"}) == PARAMETERS.model_dump(exclude={"seed"})
    for scene in scenes:
        ordinary = shoot(scene.corpus, scene.number, PARAMETERS).scene
        assert scene.scene.things != ordinary.things or not np.array_equal(scene.scene.cover, ordinary.cover)


def test_the_picture_is_the_one_that_the_simulation_would_write(scenes):
    """With the acquisition's own looks, an image of the set is a corpus's file of that seed and number."""
    for scene in scenes:
        if scene.corpus == "sim-landcover":
            continue
        rng = generator(OWNED.seed, scene.corpus, scene.number, "radar")
        own = intensity(reflect(scene.scene, scene.acquisition, rng), Setting(looks=scene.acquisition.looks))
        file = decode(sar_file(Task(scene.corpus, scene.number, OWNED)))
        np.testing.assert_array_equal(display(own), np.asarray(file).reshape(64, 64, -1)[..., 0])


def test_boxes_are_those_of_the_corpus_s_annotation(scenes):
    for scene in scenes:
        if scene.corpus == "sim-objects":
            record = render_image(Task(scene.corpus, scene.number, OWNED)).record
            counts = {}
            for item in record["objects"]:
                noun = noun_of(scene.corpus, item["label"])
                x, y = (item["box"][0] + item["box"][2]) / 2, (item["box"][1] + item["box"][3]) / 2
                centre = 16 <= x <= 48 and 16 <= y <= 48
                total, central = counts.get(noun, (0, 0))
                counts[noun] = (total + 1, central + centre)
            assert counts == {fact.noun: (fact.count, fact.center) for fact in scene.facts.objects}


def test_the_class_map_is_the_corpus_s_mask():
    """Of images whose mask has no quirk: with ships, masks have neither a swath edge nor blended colours."""
    entry = entry_of("sim-landcover")
    numbers = (n for n in range(200) if shoot("sim-landcover", n, OWNED).scene.things)
    for number in islice(numbers, 4):
        files = render_image(Task("sim-landcover", number, OWNED)).files
        mask = next(content for path, content in files.items() if path.startswith("masks/"))
        expected, unexplained = read_mask(mask, entry)
        assert not unexplained
        np.testing.assert_array_equal(class_map(shoot("sim-landcover", number, OWNED).scene, entry), expected)


def test_a_scene_of_which_nothing_can_be_told_has_no_facts():
    empty = next(shot for number in range(200) if not (shot := shoot("sim-ships", number, OWNED)).scene.things)
    assert annotate("sim-ships", empty.scene, empty.acquisition) is None


def test_captions_state_the_facts_and_only_classes_that_the_annotation_decides(scenes):
    words = vocabulary()
    for scene in scenes:
        reading = read_statements(scene.caption, words.nouns, words.scenes)
        assert not reading.problems
        assert set(reading.statements) == set(statements_of(scene.facts))
        assert {statement.label for statement in reading.statements} <= scene.decided
