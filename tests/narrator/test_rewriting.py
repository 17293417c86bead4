"""Optical captions become captions of the SAR image: what SAR does not show goes, clause by clause.

The sentences are made up for these tests. The one test on published captions reads them where they lie.
"""

import gzip
import json
import re

import pytest

from benchmarks import rewrite as rewriting_benchmark
from sartext.narrator.facts import Facts, to_json
from sartext.narrator.faithfulness import contradictions
from sartext.narrator.lexicon import UNSEEN_ADJECTIVES
from sartext.narrator.realisation import realise
from sartext.narrator.rewriting import rewrite
from sartext.narrator.vocabulary import BRIGHTNESS_WORDS, COLOUR_WORDS, FORBIDDEN_WORDS, WEATHER_WORDS

from .examples import SPOKEN_OF_OPTICAL


def text_of(caption, resolution=3.0):
    return " ".join(rewrite([caption], resolution).statements)


def reasons_of(caption, resolution=3.0):
    return dict(rewrite([caption], resolution).dropped)


@pytest.mark.parametrize(
    ("optical", "sar"),
    [
        # colour and brightness adjectives go, the nouns stay
        ("There is a green river .", "There is a river."),
        ("a dark blue lake and two white buildings", "There is a lake and two buildings."),
        ("an orange building is near a road", "A building is near a road."),
        ("a grey airport is beside the sea", "An airport is beside the sea."),
        ("a blue-green river runs through the town", "A river runs through the town."),
        ("several red and white houses are in the port", "Several houses are in the port."),
        # a clause whose head is a colour goes
        ("the water is green and the bridge is long", "The bridge is long."),
        ("A long bridge crosses the river and the roofs are red.", "A long bridge crosses the river."),
        # weather, cloud and sun go
        ("two islands are in the sea under a cloudy sky", "Two islands are in the sea."),
        ("the sun is shining and a bridge spans the river", "A bridge spans the river."),
        # a photo becomes a SAR image
        ("This is an aerial photo of a harbor.", "This is a SAR image of a harbor."),
        ("The satellite image shows an airport.", "The SAR image shows an airport."),
        ("there are two lakes in the picture", "There are two lakes in the SAR image."),
        # what moves may have gone when the SAR image was taken, and how many there were with it
        ("two large ships are at the pier of a harbor", "There is a pier of a harbor."),
        ("several planes and a terminal are at the airport", "A terminal is at the airport."),
        ("there is a bridge and a group of boats", "There is a bridge."),
        ("a bridge with many trucks on it crosses the river", "A bridge crosses the river."),
        # what SAR does not show goes with its clause, or out of its list
        ("many cars are parked beside the road", "There is a road."),
        ("a road, a lawn and a river are near the town", "A road and a river are near the town."),
        ("A building stands next to a swimming pool.", "There is a building."),
        ("some people walk on the beach while two piers are in the bay", "Two piers are in the bay."),
        ("white markings are on the runway of the airport", "There is a runway of the airport."),
        ("a bridge is over a river with many cars on both sides of it", "A bridge is over a river."),
        ("buildings with red roofs are along the road", "Buildings are along the road."),
        # what it is said to be at or around is there all the same, unless it is an image, a place or a plain area
        ("a lawn is near a large building and some cars", "There is a large building."),
        ("green plants surround the lake in the area", "There is a lake."),
        ("people are on both sides of a road in the picture", "There is a road."),
        ("a pool is in the middle of a residential area", "There is a residential area."),
        ("a lawn is far from the town without houses", ""),
        ("a park covers a large area", ""),
        ("a church is near the other buildings", "There are buildings."),
        ("a playground is next to a lake and it is surrounded by roads", "There is a lake."),
        # agreement follows what is left
        ("a car and a building are near the river", "A building is near the river."),
        ("a house and two pools surround the lake", "A house surrounds the lake."),
        ("there are a lawn and a bridge", "There is a bridge."),
        # nothing dangles
        ("beside the highway is a football field", ""),
        ("an industrial area , with many trucks , is near a canal", "An industrial area is near a canal."),
        ("a beach lies between an ocean and green plants", "There is a beach."),
        ("it is a large piece of farmland", "There is a large piece of farmland."),
        ("a piece of ocean is near a beach", "An ocean is near a beach."),
        ("A river runs through the city and is surrounded by fields.",
         "A river runs through the city. It is surrounded by fields."),
        # what a clause says twice goes once
        ("a wood borders on woods", "There is a wood."),
        ("this photo shows a winding river and a river", "This SAR image shows a winding river."),
        ("some islands on the sea beside the ocean", "There are some islands on the sea."),
        ("there is a town . there is a town and a large town", "There is a town."),
        ("a road crosses another road", "A road crosses another road."),
        ("a large lake is beside a small lake", "A large lake is beside a small lake."),
        # that nothing else is there is not known of what people leave out
        ("the ocean fills the whole picture", "This SAR image shows the ocean."),
        ("many houses cover the photo", "There are many houses."),
        ("the woods are low and dense", "The woods are low and dense."),
        ("two piece of farmland are near a river", "There is a river."),
        ("the lake is green and small and quiet", "The lake is small."),
        # one word per quirk of the sources
        ("there is a bareland near to a river", "There is bare land near to a river."),
        ("storage tanks are arranged neatly on bareland .", "Storage tanks are arranged neatly on bare land."),
        ("farmland on both sides of the river", "There is farmland on both sides of the river."),
    ],
)  # fmt: skip
def test_what_a_sar_image_bears_out_stays(optical, sar):
    assert text_of(optical) == sar


@pytest.mark.parametrize(
    ("caption", "fine", "coarse"),
    [
        ("some tanks are at the airport", "Some tanks are at the airport.", "There is an airport."),
        ("some houses are near a river", "Some houses are near a river.", "There is a river."),
        ("a river flows through fields", "A river flows through fields.", "A river flows through fields."),
    ],
)
def test_the_resolution_decides_which_nouns_are_shown(caption, fine, coarse):
    assert text_of(caption, 1.0) == fine
    assert text_of(caption, 10.0) == coarse


def test_what_is_dropped_is_counted_by_reason():
    text = "a green river and a lawn are near the town, the sky is cloudy"
    assert reasons_of(text) == {"colour": 1, "not shown by SAR": 1, "weather": 1}
    assert reasons_of("the roofs are red") == {"colour": 1}
    assert reasons_of("two islands are in the sea") == {}
    assert reasons_of("two ships are on the sea") == {"moves, and may have gone between the two images": 1}
    assert reasons_of("a wood is beside a wood") == {"says the same thing again": 1}
    assert reasons_of("a lake fills the picture") == {"says that nothing else is there": 1}


def test_of_several_captions_the_one_that_keeps_most_is_taken_and_the_first_of_equals():
    captions = ["a red car is on the road", "a river is near a town", "a town is near a river", "the sky is blue"]
    kept = rewrite(captions, 3.0)
    assert kept.statements == ("A river is near a town.",)
    assert kept.source == "a river is near a town"


def test_where_nothing_is_left_the_main_reason_is_told():
    kept = rewrite(["some people and a car", "a lawn"], 3.0)
    assert kept.statements == ()
    assert kept.facts == "no caption survives rewriting: not shown by SAR"
    assert rewrite([""], 3.0).statements == ()
    assert rewrite(["...", " ; , "], 3.0).statements == ()


def test_a_rewritten_caption_says_only_what_its_source_says():
    source = "a long white bridge spans the river and many cars are on it"
    kept = rewrite([source], 3.0)
    facts = Facts(statements=kept.statements, source_caption=source, dropped=kept.dropped)
    caption = realise(facts, "toy/a", 1)[0]
    assert caption == "A long bridge spans the river."
    assert contradictions(caption, to_json(facts), "optical-rules", None) == []


@pytest.mark.parametrize(
    ("caption", "problem"),
    [
        ("A long bridge spans the river. There are two ships.", "ships"),
        ("A long white bridge spans the river.", "colour"),
        ("A long bridge spans the river. A river.", "no statement of the facts"),
        ("A bridge spans the river.", "does not say"),
        ("A long bridge spans the river", "sentence"),
    ],
)
def test_a_rewritten_caption_that_says_something_else_is_told(caption, problem):
    source = "a long white bridge spans the river"
    facts = Facts(statements=("A long bridge spans the river.",), source_caption=source)
    assert any(problem in line for line in contradictions(caption, to_json(facts), "optical-rules", None))


def test_facts_without_a_source_caption_are_told():
    assert contradictions("A bridge.", to_json(Facts(statements=("A bridge.",))), "optical-rules", None)


def published_captions(realdata):
    folder = realdata / "RSICD" / "rsicd_precomp"
    with gzip.open(folder / "train_caps.txt.gz", "rt", encoding="utf-8") as lines:
        yield from (line.strip() for number, line in enumerate(lines) if number % 25 == 0)
    yield from (folder / "test_caps.txt").read_text(encoding="utf-8").split("\n")[:1000:5]
    with gzip.open(realdata / "UCM-captions" / "dataset.json.gz", "rt", encoding="utf-8") as file:
        for image in json.load(file)["images"][::10]:
            yield image["sentences"][0]["raw"]


@pytest.mark.realdata
def test_of_a_thousand_captions_of_rsicd_no_optical_word_is_left_and_most_objects_are(realdata, record_property):
    captions = rewriting_benchmark.published_captions(realdata, 1000)
    texts = rewriting_benchmark.rewritten(captions)
    optical = (
        COLOUR_WORDS | WEATHER_WORDS | BRIGHTNESS_WORDS | FORBIDDEN_WORDS | UNSEEN_ADJECTIVES | SPOKEN_OF_OPTICAL
    )
    for caption, text in zip(captions, texts, strict=True):
        assert not set(re.findall(r"[a-z]+", text.lower())) & optical, (caption, text)
        new = rewriting_benchmark.objects(text) - rewriting_benchmark.objects(
            caption.replace("bareland", "bare land")
        )
        assert not new, (caption, text)
    named, kept = rewriting_benchmark.objects_kept(captions, texts)
    record_property("share_of_objects_kept", kept / named)
    assert len(captions) == 1000
    assert kept / named > 0.5


@pytest.mark.realdata
def test_published_captions_become_clean_sentences(realdata, record_property):
    captions = [caption for caption in published_captions(realdata) if caption]
    survived = 0
    for caption in captions:
        kept = rewrite([caption], 1.0)
        if not kept.statements:
            assert isinstance(kept.facts, str)
            continue
        survived += 1
        text = " ".join(kept.statements)
        assert not set(re.findall(r"[a-z]+", text.lower())) & SPOKEN_OF_OPTICAL, (caption, text)
        assert re.fullmatch(r"[A-Z][^.]*\.(?: [A-Z][^.]*\.)*", text), (caption, text)
        assert not re.search(r"\s\s|\s[.,;]|\b(?:and|with|by|of|in|a|an|the|is|are)\.", text), (caption, text)
        assert not re.search(r"\b(?:an [^aeiou]|a [aeio])", text), (caption, text)
        facts = Facts(statements=kept.statements, source_caption=kept.source, dropped=kept.dropped)
        assert contradictions(text, to_json(facts), "optical-rules", None) == [], (caption, text)
    record_property("share_of_published_captions_that_survive", survived / len(captions))
    assert 0.4 < survived / len(captions) < 0.9
