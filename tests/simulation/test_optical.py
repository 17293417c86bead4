"""Optical images show colours and sun; their captions are other sentences than those of SAR."""

import re

import numpy as np
import pytest

from sartext.catalogue import load_entry
from sartext.catalogue.loading import PACKAGED
from sartext.config import SimulationParameters
from sartext.simulation.composition import generator, shoot
from sartext.simulation.grammar import SENTENCES, optical_captions
from sartext.simulation.optical import PALETTES, Sky, render, sun_shadow
from sartext.simulation.truth import Cover
from tests.simulation.scenes import flat, with_block

PARAMETERS = SimulationParameters(seed=21)
FUNCTION_WORDS = {"a", "an", "the", "and", "of", "in", "is", "are", "on", "to", "it", "there", "with", "this"}


@pytest.fixture(scope="module")
def image_captions() -> list[list[str]]:
    found = []
    for number in range(120):
        shot = shoot("sim-optical", number, PARAMETERS)
        found.append(optical_captions(shot.scene, shot.sky, generator(21, "sim-optical", number, "captions")))
    return found


@pytest.fixture(scope="module")
def sentences(image_captions) -> list[str]:
    return [sentence for image in image_captions for sentence in image]


def clear_sky(**colours: int) -> Sky:
    return Sky(0.0, 45.0, 0.0, {cover: colours.get(cover.name.lower(), 0) for cover in Cover}, wakes=False)


def test_a_cover_has_the_colour_that_its_word_says():
    for cover in (Cover.WATER, Cover.FOREST, Cover.CROPS, Cover.BARE):
        for index, (_, colour) in enumerate(PALETTES[cover]):
            sky = clear_sky(**{cover.name.lower(): index})
            image = render(flat(64, cover), sky, np.random.default_rng(index))
            assert image.mean(axis=(0, 1)) / 255 == pytest.approx(colour, rel=0.4, abs=0.05)


def test_the_sun_s_shadow_lies_away_from_the_sun():
    scene = with_block(64, 4.0)
    for azimuth in (0.0, np.pi / 2, 2.0):
        rows, columns = np.nonzero(sun_shadow(scene.height, azimuth, 45.0))
        middle = scene.height.shape[0] / 2 - 0.5
        towards_sun = (columns.mean() - middle) * np.cos(azimuth) + (rows.mean() - middle) * np.sin(azimuth)
        assert towards_sun < -8


def test_haze_takes_contrast_away():
    scene = with_block(64, 2.0)
    clear = render(scene, clear_sky(), np.random.default_rng(1))
    hazy = render(scene, Sky(0.0, 45.0, 0.28, clear_sky().colours, wakes=False), np.random.default_rng(1))
    assert hazy.std() < 0.85 * clear.std()
    assert hazy.mean() > clear.mean()


def test_sentences_end_properly_and_read_as_sentences(sentences):
    for sentence in sentences:
        assert re.fullmatch(r"[a-z][a-z ,]* \.", sentence), sentence
        assert "  " not in sentence and ", ." not in sentence and " a a" not in sentence
        assert not re.search(r"\ba [aeio]", sentence), sentence
        assert not re.search(r"\b(\w+) \1\b", sentence), sentence


def test_captions_hold_colours_and_weather_that_sar_does_not_show(sentences):
    text = " ".join(sentences)
    colours = {word for palette in PALETTES.values() for word, _ in palette}
    assert sum(any(colour in sentence for colour in colours) for sentence in sentences) > 0.8 * len(sentences)
    assert {"sunny", "hazy", "roofs"} <= set(text.split())


WORDS = {
    "ship": {"boat", "boats", "vessel", "vessels"},
    "aircraft": {"planes", "jet", "jets", "airplane", "airplanes"},
    "tank": {"tank", "tanks"},
}


def test_captions_tell_what_is_there(image_captions):
    for number, image in enumerate(image_captions):
        scene = shoot("sim-optical", number, PARAMETERS).scene
        counts, words = scene.counts(), set(" ".join(image).split())
        assert not [label for label, spoken in WORDS.items() if label not in counts and words & spoken]
        if scene.shares()[Cover.WATER] == 0:
            assert not words & {"sea", "ocean", "river", "lake", "pond"}
        if counts and max(counts, key=counts.get) == "ship":
            assert words & WORDS["ship"]


def test_the_words_are_not_those_of_the_sar_classes(sentences):
    """Of the nouns of the SAR classes, optical captions share no more than a few."""
    entries = [load_entry(PACKAGED / f"{name}.yaml") for name in ("sim-ships", "sim-objects", "sim-landcover")]
    nouns = [f"{kind.noun} {kind.plural}" for entry in entries for kind in entry.classes if kind.say]
    sar = set(" ".join(nouns).split()) - FUNCTION_WORDS
    optical = set(" ".join(sentences).replace(",", " ").replace(".", " ").split()) - FUNCTION_WORDS
    assert sar & optical <= {"bridge", "bridges", "tank", "tanks"}
    assert len(optical) > 80
    assert not optical & {"center", "outside", "image", "sar", "radar"}


def test_captions_vary_within_an_image_and_in_all(image_captions, sentences):
    assert all(len(image) == len(set(image)) == SENTENCES for image in image_captions)
    assert len(set(sentences)) > 0.85 * len(sentences)
