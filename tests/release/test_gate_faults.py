"""Each fault that is planted into a sound candidate is found by the expectation that promises it."""

from collections.abc import Callable
from functools import partial

import pyarrow.parquet as pq
import pytest
from PIL import Image

from sartext.narrator.vocabulary import number_word
from sartext.tables import LEDGER, PAIRS, SPLITS, read_rows, write_table
from tests.release.built import SIDE, Built, outcome


def pair(number: int, **values: object) -> Callable[[Built], object]:
    return lambda built: built.set_pair(number, **values)


def by_a_model(number: int) -> Callable[[Built], object]:
    return pair(number, method="narrator", model_sha256="0" * 64, score=0.9)


def caption(text: str) -> Callable[[Built], object]:
    return pair(3, caption=text)


def another_count(built: Built) -> None:
    row = built.pairs()[0]
    assert "one ship" in row["caption"]
    built.set_pair(0, caption=row["caption"].replace("one ship", "two ships"))


def one_pattern(built: Built) -> None:
    """Numbers and zones differ, and one caption in ten is of it."""
    built.add_corpus("gamma", 220, seed=3)

    def text(place: int) -> str:
        zone = ("in the center", "outside the center")[place % 2]
        return f"There are {number_word(place % 9 + 2)} ships {zone} of this SAR image."

    built.set_pairs(lambda rows: [row if i % 10 else {**row, "caption": text(i)} for i, row in enumerate(rows)])


def one_sentence(built: Built) -> None:
    built.add_corpus("gamma", 120, seed=3)
    text = "There are two ships in this SAR image."
    built.set_pairs(lambda rows: [{**row, "caption": text} for row in rows])


def one_caption_of_no_objects(built: Built) -> None:
    built.add_corpus("gamma", 120, seed=3)
    nothing = '{"cover":[],"dropped":{},"objects":[],"scene":"open water","source_caption":null,"statements":[]}'
    empty = {"caption": "This SAR image shows open water.", "facts": nothing}
    built.set_pairs(lambda rows: [row | (empty if i % 20 == 0 else {}) for i, row in enumerate(rows)])


def truncated(built: Built, size: int) -> None:
    path = built.root / built.pairs()[2]["path"]
    path.write_bytes(path.read_bytes()[:size])


def grey(built: Built, value: int) -> None:
    picture = Image.new("L", (SIDE, SIDE), value)
    picture.putpixel((0, 0), value if value < 255 else 3)
    picture.save(built.root / built.pairs()[2]["path"])


def in_two_splits(column: str) -> Callable[[Built], object]:
    """The first pair is in train, the fifth in test."""
    return lambda built: built.set_pair(4, **{column: built.pairs()[0][column]})


def decided_for_test(built: Built) -> None:
    path = built.root / "build/splits/splits.parquet"
    first, *others = read_rows(path, SPLITS)
    write_table(path, SPLITS, [{**first, "split": "test"}, *others])


def ledger(built: Built, count: int, **values: object) -> None:
    """Change columns of as many rows of the ledger; without values these rows go."""
    path = built.root / "build/ledger.parquet"
    rows = read_rows(path, LEDGER)
    changed = [row | values for row in rows[:count]] if values else []
    write_table(path, LEDGER, [*changed, *rows[count:]])


def without_column(name: str) -> Callable[[Built], object]:
    return lambda built: pq.write_table(pq.read_table(built.pairs_path).drop_columns([name]), built.pairs_path)


def twice(built: Built) -> None:
    rows = built.pairs()
    write_table(built.pairs_path, PAIRS, [rows[0], *rows])


FAULTS: dict[str, tuple[str, str, Callable[[Built], object]]] = {
    "a column is gone": ("schema", "declared columns, in order", without_column("score")),
    "an id stands twice": ("schema", "unique image ids", twice),
    "an optical image": ("schema", "SAR images only", pair(0, modality="optical")),
    "too few pairs": ("schema", "enough pairs", lambda built: built.parameters(gate={"minimum_pairs": 41})),
    "a source without a fate": ("ledger", "sources are released or left out", partial(ledger, count=1)),
    "a pair that is left out": (
        "ledger",
        "every pair is released in the ledger",
        partial(ledger, count=1, fate="left out", stage="splits", reason="x"),
    ),
    "left out without a reason": ("ledger", "fates and reasons", partial(ledger, count=42, reason="")),
    "a colour word": ("captions", "no colour words", caption("There is one white ship in this SAR image.")),
    "a weather word": ("captions", "no weather words", caption("There is one ship under the clouds.")),
    "a flood": ("captions", "no words that no mask proves", caption("The field is flooded in this SAR image.")),
    "an unfinished sentence": ("captions", "finished sentences", caption("There is one ship in the.")),
    "no full stop": ("captions", "finished sentences", caption("There is one ship in this SAR image")),
    "brackets": ("captions", "plain English", caption("There is one ship (small) in this SAR image.")),
    "a percent sign": ("captions", "plain English", caption("Water covers 40 % of this SAR image.")),
    "another language": ("captions", "plain English", caption("Ein Schiff liegt hier.")),
    "too short": ("captions", "length in words", caption("A ship.")),
    "one sentence pattern": ("diversity", "share of one sentence pattern", one_pattern),
    "one sentence: words": ("diversity", "distinct-1", one_sentence),
    "one sentence: word pairs": ("diversity", "distinct-2", one_sentence),
    "one sentence: three words": ("diversity", "distinct-3", one_sentence),
    "one sentence: like all others": ("diversity", "self-BLEU", one_sentence),
    "one caption of no objects": ("captions", "share of one caption of no objects", one_caption_of_no_objects),
    "a caption against its facts": ("faithfulness", "captions agree with their facts", another_count),
    "a detailed caption against its facts": (
        "faithfulness",
        "detailed captions agree with their facts",
        pair(3, caption_detailed="There are two ships in this SAR image. Both ships are large, in pixels."),
    ),
    "a colour in a detailed caption": (
        "captions",
        "detailed captions: plain, finished, of what SAR shows",
        pair(3, caption_detailed="There is one white ship in this SAR image."),
    ),
    "a truncated image": ("images", "every image decodes", partial(truncated, size=90)),
    "no image": ("images", "every image decodes", partial(truncated, size=0)),
    "another image": ("images", "the pixels that were indexed", partial(grey, value=9)),
    "a constant image": ("images", "no constant image", partial(grey, value=9)),
    "a saturated image": ("images", "no saturated image", partial(grey, value=255)),
    "a tiny image": ("images", "long enough sides", pair(0, width=3)),
    "a cluster in two splits": ("splits", "no near-duplicates in two splits", in_two_splits("cluster_id")),
    "a group in two splits": ("splits", "no group in two splits", in_two_splits("group_id")),
    "equal pixels in two splits": ("splits", "no equal pixels in two splits", in_two_splits("pixels_sha256")),
    "a benchmark image in train": ("splits", "no benchmark image in train", pair(0, benchmark="ssdd-test")),
    "a split of another name": ("splits", "known split names", pair(0, split="dev")),
    "another split than decided": ("splits", "as the split table decided", decided_for_test),
    "an absent licence": ("provenance", "licence", pair(0, licence=None)),
    "a blank licence": ("provenance", "licence", pair(0, licence=" ")),
    "no citation": ("provenance", "citation, source address and sensor", pair(0, citation="")),
    "an unknown method": ("provenance", "known caption method", pair(0, method="magic")),
    "a model's caption in validation": ("provenance", "model captions only in train", by_a_model(3)),
    "a model's caption in test": ("provenance", "model captions only in train", by_a_model(4)),
    "a hash that is none": ("provenance", "hashes", pair(0, sha256="abc")),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(built: Built, fault: str) -> None:
    suite, expectation, plant = FAULTS[fault]
    assert outcome(built, suite, expectation)["passed"] is True
    plant(built)
    row = outcome(built, suite, expectation)
    assert (row["passed"], row["severity"], row["status"]) == (False, "critical", "evaluated")
    assert row["figure"] is not None
    assert row["detail"]
