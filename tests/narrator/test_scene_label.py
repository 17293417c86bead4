"""Captions of images of which only the class of the whole scene is known."""

import pytest

from sartext.errors import ArtefactError
from sartext.narrator.facts import Facts, from_json, to_json
from sartext.narrator.faithfulness import contradictions
from sartext.narrator.realisation import canonical, realise
from sartext.narrator.statements import SCENE, Statement, compare, read_facts, read_statements, statements_of
from sartext.narrator.vocabulary import annotated_by, vocabulary_of

from .examples import CLASSES, SPOKEN_OF_OPTICAL, entry_of, index_row, thing
from .test_stage import caption

SCENES = (
    thing("ships", "one or more ships", "one or more ships"),
    thing("housing", "a residential area", "residential areas"),
    thing("sea", "open water", "open water"),
    thing("lake", "open water beside a wood", "open water beside a wood"),
    thing("unknown", "something else", "something else").model_copy(update={"say": False}),
)
ENTRY = entry_of("scene-classification", classes=SCENES)
OTHERS = entry_of("segmentation", "others", CLASSES, background="land without open water")
NOUNS = [kind.noun for kind in SCENES if kind.say]


def row(name, scene_class):
    return index_row(f"toy/{name}") | {"scene_class": scene_class}


def test_an_image_is_captioned_as_its_scene_and_nothing_more(tmp_path):
    rows = [row("a", "ships"), row("b", "sea"), row("c", "unknown")]
    _, captioned, uncaptioned = caption(tmp_path, rows, ENTRY, paraphrase=False)
    texts = {name: (row["caption"], row["method"]) for name, row in captioned.items()}
    assert texts == {
        "toy/a": ("This SAR image shows one or more ships.", "scene-label"),
        "toy/b": ("This SAR image shows open water.", "scene-label"),
    }
    assert from_json(captioned["toy/b"]["facts"]) == Facts(scene_class="open water")
    assert uncaptioned == {"toy/c": "a scene class that captions do not name"}


def test_a_class_that_the_catalogue_has_lost_is_an_error(tmp_path):
    with pytest.raises(ArtefactError, match=r"'ship', which the catalogue does not have.*ships"):
        caption(tmp_path, [row("a", "ship")], ENTRY)


@pytest.mark.parametrize("noun", NOUNS)
def test_every_wording_is_read_back_as_its_facts(noun):
    """Also beside the classes of other corpora, whose nouns are parts of it."""
    facts = Facts(scene_class=noun)
    texts = {canonical(facts), *(realise(facts, f"toy/{number}", 1)[0] for number in range(400))}
    assert len(texts) >= 40
    vocabulary = vocabulary_of([OTHERS, ENTRY])
    for text in texts:
        assert contradictions(text, to_json(facts), "scene-label", ENTRY) == []
        assert read_facts(text, vocabulary) == facts
        stated = read_statements(text, vocabulary.nouns, vocabulary.scenes)
        assert (stated.statements, stated.problems) == ((Statement(SCENE, noun),), ())
        assert "only" not in text.split() and not set(text.casefold().strip(".").split()) & SPOKEN_OF_OPTICAL


@pytest.mark.parametrize(
    "text",
    [
        "This SAR image shows a residential area.",
        "This SAR image shows open water beside a wood.",
        "This SAR image shows one ship.",
        "This SAR image shows open waterways.",
        "There is no open water in this SAR image.",
    ],
)
def test_what_the_label_does_not_bear_out_is_a_contradiction(text):
    assert contradictions(text, to_json(Facts(scene_class="open water")), "scene-label", ENTRY)


def test_a_background_stays_one_beside_scene_classes():
    vocabulary = vocabulary_of([OTHERS, ENTRY])
    text = "There is only land without open water in this SAR image."
    assert read_facts(text, vocabulary) == Facts(scene="land without open water")


def test_the_label_decides_among_the_classes_of_its_corpus_alone():
    truth = statements_of(Facts(scene_class="open water"))
    decided = annotated_by(ENTRY)
    assert decided == {noun.casefold() for noun in NOUNS}
    wrong, unjudged = (Statement(SCENE, "a residential area"), Statement(SCENE, "a glacier"))
    counts, left = compare([*truth, wrong, unjudged], truth, decided)
    assert (counts[SCENE].right, counts[SCENE].stated, counts[SCENE].true, left) == (1, 2, 1, 1)
    assert not annotated_by(OTHERS) & decided
