"""A physics set is whole, deterministic and of stated content."""

import numpy as np
import pytest

from sartext.errors import EvaluationError
from sartext.evaluation.physics import ORDINARY, POINTS, SETTINGS
from sartext.evaluation.physics.rendering import REMOVED, intensity, reflect, render_physics
from sartext.narrator.statements import OBJECT_COUNT, statements_of
from sartext.simulation.radar import display
from tests.evaluation.physics.conftest import PARAMETERS


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
        ordinary, redrawn = (one[place].astype(float) for one in (physics.pictures[ORDINARY], physics.redrawn))
        assert np.mean(ordinary != redrawn) > 0.5
        assert ordinary.mean() == pytest.approx(redrawn.mean(), abs=6)


def test_one_object_less_is_one_less_in_the_facts(physics):
    assert physics.removals
    places = [one.place for one in physics.removals]
    assert max(places.count(place) for place in places) <= REMOVED
    for one in physics.removals:
        before, after = (
            {said.label: int(said.value) for said in statements_of(facts) if said.kind == OBJECT_COUNT}
            for facts in (physics.scenes[one.place].facts, one.facts)
        )
        assert sum(before.values()) - sum(after.values()) == 1
        assert before[one.noun] - after.get(one.noun, 0) == 1
        assert not np.array_equal(one.picture, physics.pictures[ORDINARY][one.place])


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
    assert described["distinct_facts"] == len({one.key for one in physics.scenes})
    assert len(described["sha256"]) == 64


def test_ordinary_pictures_are_formed_from_the_simulation_s_own_stream(physics):
    from sartext.evaluation.physics.scenes import own_parameters
    from sartext.simulation.recipes import generator

    own = own_parameters(PARAMETERS, 3)
    for place, one in enumerate(physics.scenes):
        rng = generator(own.seed, one.corpus, one.number, "radar")
        expected = display(intensity(reflect(one.scene, one.acquisition, rng)))
        np.testing.assert_array_equal(physics.pictures[ORDINARY][place], expected)


def test_one_scene_cannot_be_ranked():
    with pytest.raises(EvaluationError, match="nothing to rank"):
        render_physics(PARAMETERS, scenes=1, seed=0)
