"""Water in which an aircraft stands is none, whatever the maps say; ships and bridges stand in water."""

import numpy as np
import pytest

from sartext.captioner.captioner import ModelCaption
from sartext.captioner.plausibility import under_objects
from sartext.captioner.proof import decide
from sartext.captioner.scores import Fit
from sartext.captioner.thresholds import Rule, Threshold
from sartext.models.grounder.evidence import MapModel
from sartext.models.grounder.maps import Grounding, Peak
from sartext.narrator.statements import KINDS
from sartext.narrator.vocabulary import vocabulary_of
from tests.models.grounders import entries_of

WORDS = vocabulary_of(entries_of("sim-landcover", "sim-objects").values())
MAPS = MapModel({"": (1.0, 3.0)}, 0.01, (0.0, 0.01), {"": (1.0, 5.0)}, (10.0, -6.0))


def seen(*peaks):
    """Water on the left half of a picture of 64 pixels, forest on the right; peaks are class, x, y, height."""
    cover = np.zeros((3, 32, 32), dtype=np.float32)
    cover[0, :, :16], cover[1, :, 16:] = 1.0, 1.0
    found = tuple(Peak(label, x, y, 6.0, 6.0, height) for label, x, y, height in peaks)
    return Grounding(64, found, ("water", "forest"), cover, {}, {})


@pytest.mark.parametrize(
    ("peaks", "untrue"),
    [
        ([("aircraft", 12, 30, 0.9)], {"water"}),
        ([("aircraft", 0, 0, 0.9)], {"water"}),
        ([("storage tank", 12, 30, 0.9)], {"water"}),
        ([("vehicle", 50, 30, 0.9)], set()),
        ([("aircraft", 34, 30, 0.9)], set()),  # at the shore
        ([("aircraft", 50, 30, 0.9), ("aircraft", 12, 30, 0.1)], set()),  # the lower peak may be none
        ([("ship", 12, 30, 0.9), ("bridge", 12, 30, 0.9)], set()),
    ],
)
def test_an_object_on_land_shows_that_what_is_about_it_is_no_water(peaks, untrue):
    labels = {label for label, *_ in peaks}
    assert under_objects(labels, seen(*peaks), WORDS) == untrue
    assert under_objects((), seen(*peaks), WORDS) == set(), "it must be proven"


def test_nothing_is_released_of_such_water():
    rules = {kind: Rule(Fit(), 0.8, {"": Threshold(9, 9, 0.0)}) for kind in KINDS}
    for label, stated in (("aircraft", {"aircraft", "forest"}), ("ship", {"ship", "water", "forest"})):
        decision = decide(ModelCaption("", 0.0), seen((label, 12, 30, 0.9)), MAPS, WORDS, rules)
        assert {statement.label for statement in decision.accepted} == stated
