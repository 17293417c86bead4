"""What an optical caption states of the SAR image is read, and held against the truth of the simulation."""

import itertools
import re
from collections import Counter

import numpy as np
import pytest

from sartext.catalogue import load_entry
from sartext.catalogue.loading import PACKAGED
from sartext.corpora.index import build_index
from sartext.files import read_json
from sartext.narrator.hidden_truth import TRUTH, optical_figures
from sartext.narrator.lexicon import PLACES, SINGULAR, SYNONYMS, VISIBLE
from sartext.narrator.optical_statements import ALL, optical_statements
from sartext.narrator.rewriting import rewrite
from sartext.narrator.stage import caption_corpus
from sartext.narrator.statements import COVER_CLASS, COVER_SHARE, OBJECT_CLASS, OBJECT_COUNT, Statement
from sartext.narrator.vocabulary import vocabulary_of
from sartext.simulation import write_corpora
from sartext.simulation.composition import MIXTURE, NUMBERS, compose
from sartext.simulation.grammar import GROUNDS, NOUNS, SMALL_GROUNDS, WATERS, optical_captions
from sartext.simulation.optical import draw_sky
from sartext.simulation.rendering import COVER_LABELS
from tests.training.mini import write_parameters

VOCABULARY = vocabulary_of(
    load_entry(PACKAGED / f"{name}.yaml") for name in ("sim-ships", "sim-objects", "sim-landcover")
)
RESOLUTION = 3.0


def classes(*labels):
    kinds = [OBJECT_CLASS if label in VOCABULARY.things else COVER_CLASS for label in labels]
    return [Statement(kind, label) for kind, label in zip(kinds, labels, strict=True)]


def number(label, count):
    return Statement(OBJECT_COUNT, label, str(count))


@pytest.mark.parametrize(
    ("caption", "statements"),
    [
        ("Two vessels are on the sea.", [*classes("ship"), number("ship", 2), *classes("water")]),
        ("A pair of boats are on the river.", [*classes("ship"), number("ship", 2), *classes("water")]),
        ("A boat is in a bay.", classes("ship", "water")),
        ("Several jets are beside a field.", classes("aircraft", "cropland")),
        ("There are rows of houses and a straight street.", classes("built-up areas", "roads")),
        ("There is a residential area beside bare land.", classes("built-up areas", "bare soil")),
        ("A bridge leads to the other bank of the river.", classes("bridge", "water")),
        ("There is a wood. There are two tanks.", [*classes("forest", "storage tank"), number("storage tank", 2)]),
        ("The ocean fills the whole SAR image.", [*classes("water"), Statement(COVER_SHARE, "water", ALL)]),
        ("Two groups of ships are in the SAR image.", classes("ship")),
    ],
)  # fmt: skip
def test_a_caption_is_read_into_statements(caption, statements):
    reading = optical_statements(caption, VOCABULARY)
    assert set(reading.statements) == set(statements)
    assert reading.unread == ()


@pytest.mark.parametrize(
    ("caption", "labels"),
    [
        ("An airplane is parked at the airport.", ["aircraft"]),
        ("There is a town without roads.", ["built-up areas"]),
        ("There are no ships.", []),
        ("Ships of the line were there once upon a time.", []),
        ("There is a factory.", []),
    ],
)
def test_what_is_not_read_is_told_and_nothing_is_guessed(caption, labels):
    reading = optical_statements(caption, VOCABULARY)
    assert [statement.label for statement in reading.statements] == labels
    assert reading.unread == (caption,)


def scenes(count):
    for number, theme in zip(range(count), itertools.cycle(MIXTURE)):
        rng = np.random.default_rng(number)
        wanted = {label: int(rng.integers(0, most + 1)) for label, (_, most) in NUMBERS[theme].items()}
        scene = compose(theme, 64, wanted, rng)
        yield scene, optical_captions(scene, draw_sky(rng), rng)


def truth_of(scene):
    objects = [{"label": thing.label, "box": [4, 4, 9, 9]} for thing in scene.things]
    return {"objects": objects, "cover": {COVER_LABELS[cover]: share for cover, share in scene.shares().items()}}


def repeated(sentence):
    """The nouns that a sentence says twice, whatever their adjectives."""
    words = [SINGULAR.get(word, word) for word in re.findall(r"[a-z-]+", sentence.casefold())]
    counts = Counter(SYNONYMS.get(word, word) for word in words if word in VISIBLE and word not in PLACES)
    return {word for word, count in counts.items() if count > 1}


def test_all_that_is_left_of_an_optical_caption_is_true_of_the_scene_and_says_nothing_twice():
    row = {"path": "s1/a.png", "width": 64, "height": 64}
    read = 0
    for scene, captions in scenes(120):
        for source in captions:
            caption = " ".join(rewrite([source], RESOLUTION).statements)
            figures = optical_figures({"a.png": truth_of(scene)}, [(row, caption)])["statements"]["all"]
            assert figures["true"] == figures["statements"], (source, caption)
            assert not any(map(repeated, caption.split("."))), (source, caption)
            read += figures["statements"]
    assert read > 600


def made_up():
    """Sentences as a model writes them: the patterns of the grammar, over any two grounds, the same ones too."""
    wordings = itertools.chain(*WATERS.values(), *GROUNDS.values(), *SMALL_GROUNDS.values())
    grounds = [" ".join(wording.rstrip("*").replace("{c}", "").split()) for wording in wordings]
    patterns = (
        "{a} border on {b} while {c} are on the {b}",
        "{a} next to {b} with {c}",
        "from above we see {a} beside {b} , and {a}",
        "this aerial photo shows {a} and {b} , {c} are parked at the airport",
        "{a} can be seen beside {b} on a sunny day",
        "{a} is surrounded by {b} . there is {a}",
        "there is nothing but {a} and {b} here",
    )
    things = [f"two {plural}" for names in NOUNS.values() for _, plural in names]
    for place, (a, b) in enumerate(itertools.product(grounds, grounds)):
        yield patterns[place % len(patterns)].format(a=a, b=b, c=things[place % len(things)])


def test_a_model_that_says_a_thing_twice_is_not_quoted_in_it():
    sources = list(made_up())
    assert sum(bool(repeated(source)) for source in sources) > 100
    for source in sources:
        kept = rewrite([source], RESOLUTION)
        for sentence in kept.statements:
            assert not repeated(sentence), (source, sentence)


def test_the_sea_is_not_all_there_is_where_ships_or_land_are():
    sea = {"objects": [], "cover": {"water": 1.0}}
    truth = {
        "sea.png": sea,
        "ships.png": {**sea, "objects": [{"label": "ship", "box": [3, 3, 9, 9]}]},
        "shore.png": {**sea, "cover": {"water": 0.99, "bare soil": 0.01}},
    }
    caption = "The ocean fills the whole SAR image."
    captions = [({"path": f"s1/{name}", "width": 64, "height": 64}, caption) for name in truth]
    figures = optical_figures(truth, captions)
    assert figures["statements"][COVER_SHARE] == {"statements": 3, "true": 1, "precision": 0.3333}
    assert figures["statements"][COVER_CLASS]["precision"] == 1.0
    assert (figures["sentences"], figures["partly_unread"]) == (3, 0)


def test_the_truth_of_pairs_measures_their_captions_and_decides_nothing(tmp_path):
    project = write_parameters(
        tmp_path,
        simulation={"ships": 0, "objects": 0, "landcover": 0, "pairs": 24, "optical": 0, "unlabelled": 0},
        corpora={"sim-pairs": {"catalogue": "src/sartext/catalogue/sim-pairs.yaml"}},
        **{"captions": ["sim-pairs"], "optical_captions": [], "narrated": [], "checkpoints": {}},
    )
    write_corpora(project.parameters.simulation, project.data)
    build_index(project, "sim-pairs")
    table = project.captions("sim-pairs") / "captions.parquet"
    metrics = caption_corpus(project, "sim-pairs")
    told, captions = read_json(table.with_name("metrics.json")), table.read_bytes()
    assert told == metrics
    figures = told["hidden_truth"]["statements"]
    assert figures["all"]["statements"] > 20 and figures["all"]["precision"] == 1.0
    (project.data / "sim-pairs" / TRUTH).unlink()
    assert "hidden_truth" not in caption_corpus(project, "sim-pairs")
    assert table.read_bytes() == captions
