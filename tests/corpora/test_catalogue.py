"""The package's own catalogue: every entry is complete, and says nothing that its reader cannot do."""

import re

import pytest

from sartext.catalogue.loading import PACKAGED, load_entry
from sartext.corpora.annotations import format_of
from sartext.corpora.cleaning import label_table
from sartext.corpora.radiometry import fixed_window
from sartext.errors import CatalogueError, CorpusError
from tests.corpora.making import DETECTION

ENTRIES = sorted(PACKAGED.glob("*.yaml"))


@pytest.fixture(params=ENTRIES, ids=lambda path: path.stem)
def entry(request):
    return load_entry(request.param)


def test_real_corpora_of_the_sample_are_known():
    known = {path.stem for path in ENTRIES}
    assert known >= {"ssdd", "hrsid", "sar-aircraft", "ls-ssdd", "oil-spill", "terramesh", "sen1floods11"}
    assert known >= {"sen1-2", "rsicd", "rsitmd", "ucm-captions", "sydney-captions"}


def test_provenance_is_stated(entry):
    for text in (entry.title, entry.description, entry.citation, entry.homepage, entry.obtain, entry.sensor):
        assert text.strip()
    assert re.fullmatch(r"not-stated|https://\S+|[A-Za-z0-9.+-]+( AND [A-Za-z0-9.+-]+)*", entry.licence)
    assert not (entry.redistribution and entry.licence == "not-stated")


def test_a_condition_against_redistribution_holds(corpus):
    corpus.declare(**DETECTION, redistribution=True, conditions=["citation", "no-redistribution"])
    with pytest.raises(CatalogueError, match="no-redistribution: `redistribution` must be false"):
        corpus.load()
    corpus.declare(**DETECTION, conditions=["no-redistribution"])
    assert corpus.load().conditions_in_words == "no-redistribution"


def test_a_condition_is_one_of_a_closed_set(corpus):
    corpus.declare(**DETECTION, conditions=["academic"])
    with pytest.raises(CatalogueError, match="conditions"):
        corpus.load()


def test_no_condition_and_none_known_are_two_things(corpus):
    corpus.declare(**DETECTION)
    assert corpus.load().conditions_in_words == "unknown"
    corpus.declare(**DETECTION, conditions=[])
    assert corpus.load().conditions_in_words == "none"


def test_an_absent_corpus_says_when_the_way_to_get_it_was_known_to_work(corpus):
    corpus.declare(**DETECTION, obtain="Ask its authors.", obtain_checked="2026-07-01")
    corpus.folder.rmdir()
    with pytest.raises(CorpusError, match="ask its authors \\(last known to work on 2026-07-01\\); then run"):
        corpus.index()


def test_kind_has_what_its_reader_needs(entry):
    makes = {format_of(entry, declared).makes for declared in [entry.annotations] if declared}
    needed = {"detection": {"boxes"}, "segmentation": {"masks"}, "captions": {"captions"}}
    needed["scene-classification"] = {"scenes"}
    assert makes == needed.get(entry.kind, set())
    assert not entry.optical_captions or format_of(entry, entry.optical_captions).makes == "captions"
    assert bool(entry.classes) == (entry.kind in {"detection", "segmentation", "scene-classification"})
    assert entry.kind != "pairs" or entry.pairing


def test_classes_are_told_apart(entry):
    assert set(label_table(entry).values()) == {kind.label for kind in entry.classes}
    if entry.kind == "segmentation":
        marks = [kind.colour if kind.colour is not None else kind.code for kind in entry.classes]
        assert None not in marks
        assert len(set(marks)) == len(marks)
        assert len({type(mark) for mark in marks}) == 1


def test_nouns_are_words_that_metrics_keep(entry):
    for kind in entry.classes:
        for word in (kind.noun, kind.plural, kind.hypernym):
            assert re.fullmatch(r"[A-Za-z0-9' -]+", word)


SAME = (
    {"car", "truck", "vehicle"},
    {"oil tank", "tank", "storage-tank"},
    {"crops", "agriculture"},
    {"built-up", "urban"},
    {"bare soil", "bare-soil"},
    {"fishing", "fishing vessel"},
)
"""What different corpora call the same thing, beside equal names."""


def things():
    """Every class of objects and land cover that captions name, with the corpus that it is of."""
    for path in ENTRIES:
        entry = load_entry(path)
        yield from ((entry.name, kind) for kind in entry.part_classes if kind.say and kind.valid)


def test_the_same_thing_has_the_same_noun_in_every_corpus():
    nouns = {}
    for corpus, kind in things():
        for name in {kind.label, *map(str.casefold, kind.source)} - {"other", "others"}:
            if not name.isdecimal():
                key = next((min(same) for same in SAME if name in same), name)
                nouns.setdefault(key, {}).setdefault(kind.noun, []).append(corpus)
    assert {name: found for name, found in nouns.items() if len(found) > 1} == {}


def test_a_noun_has_one_plural_and_one_hypernym():
    forms = {}
    for corpus, kind in things():
        forms.setdefault(kind.noun, {}).setdefault((kind.plural, kind.hypernym), []).append(corpus)
    assert {noun: found for noun, found in forms.items() if len(found) > 1} == {}


def test_a_scene_of_one_name_is_said_alike():
    nouns = {}
    for path in ENTRIES:
        for kind in load_entry(path).scene_classes:
            for name in kind.source:
                nouns.setdefault(name.casefold(), set()).add(kind.noun)
    assert {name: found for name, found in nouns.items() if len(found) > 1} == {}


WANTED = """osdataset hrsid ssdd msar sadd sar-aircraft sived opensarship fusar-map sardet-100k bright
openearthmap-sar qxs-saropt sen1-2 sar-ship-dataset ls-ssdd dssdd rsdd-sar srsdd dsn-slc dsn-tsx polsf rsicd rsitmd
ucm-captions sydney-captions nwpu-captions hqrs-it-210k"""


def test_the_corpora_of_the_field_are_described():
    assert {path.stem for path in ENTRIES} >= set(WANTED.split())


def test_calibrated_corpora_have_a_window(entry):
    window = fixed_window(entry)
    assert (window is not None) == (entry.calibrated and entry.quantity != "display")
