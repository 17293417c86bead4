"""From captions to figures, on a small benchmark of four corpora, one of them a single image, one all alike."""

import numpy as np
import pytest

from sartext.errors import EvaluationError
from sartext.evaluation.caption_measurements import captions_rows, score_variants
from sartext.evaluation.caption_scoring import figures_of, score_captions
from sartext.evaluation.caption_texts import baselines, collect
from sartext.evaluation.figures import write_figures
from sartext.evaluation.metrics.cider import cider_d, document_frequencies, informative
from sartext.evaluation.metrics.coco import bleu, meteor
from sartext.evaluation.metrics.reference_free import checkable_classes
from sartext.evaluation.metrics.spice import FOLDER
from tests.evaluation import generated
from tests.evaluation.generated import (
    SHIP,
    STUFF,
    THINGS,
    benchmark_of,
    entry,
    example,
    object_facts,
    quoted_facts,
)

SEED = 3
SIDE = 64
RNG = np.random.default_rng(6)
ENTRIES = {"mixed": entry("mixed", *THINGS, *STUFF), "solo": entry("solo", SHIP), "pairs": entry("pairs")}
HARBOR = quoted_facts("There is a harbor with ships.")
BOXES = ({"label": "ship", "xmin": 0, "ymin": 0, "xmax": 5, "ymax": 9},)


def drawn(number):
    return generated.cover(RNG) if number % 4 < 2 else generated.objects(RNG, most=24)


EXAMPLES = [
    *(
        example(f"mixed/{number:02}", drawn(number), group=f"mixed/{number // 2}", boxes=BOXES[: number < 7])
        for number in range(20)
    ),
    example("solo/1", object_facts((SHIP, 1, 0))),
    example("pairs/1", HARBOR, HARBOR.statements[0], method="optical-rules"),
    example("pairs/2", HARBOR, HARBOR.statements[0], method="optical-rules"),
]
NARRATED = [example("mixed/n1", object_facts((SHIP, 1, 0)), "At least one ship is seen.", method="narrator")]
TRAIN = [*NARRATED, *(example(f"mixed/t{number}", drawn(number)) for number in range(40))]
BENCHMARK = benchmark_of(EXAMPLES, TRAIN)
RELEASED = {example.image_id: example.caption for example in BENCHMARK.examples}
NOUNS = tuple(known.plural if known.stuff else known.noun for known in (*THINGS, *STUFF))
SHIFTED = dict(zip(RELEASED, [*list(RELEASED.values())[1:], ""], strict=True))

pytestmark = [generated.needs_java, generated.needs_jars, pytest.mark.slow]


@pytest.fixture(scope="module")
def scored():
    predictions = {
        **baselines(BENCHMARK, SEED, checkable_classes(ENTRIES)),
        "released": RELEASED,
        "shifted": SHIFTED,
    }
    texts = collect(predictions, BENCHMARK, seed=SEED)
    return texts, score_variants(texts, checkable_classes(ENTRIES))


@pytest.fixture(scope="module")
def figures(scored):
    return figures_of(*scored, benchmark=BENCHMARK.name, side=SIDE, seed=SEED, resamples=200)


def find(figures, metric, variant, subset="all"):
    figure = generated.find(figures, metric, variant, subset=subset)
    assert figure is not None, (metric, variant, subset)
    return figure


def value(figures, metric, variant, subset="all"):
    figure = find(figures, metric, variant, subset)
    assert figure.value is not None, figure.reason
    return figure.value


def test_every_figure_is_told_once(figures, tmp_path):
    write_figures(tmp_path / "figures.json", figures)
    assert {figure.task for figure in figures} == {"captioning"}
    assert {figure.benchmark for figure in figures} == {"release-test"}
    assert {figure.subset for figure in figures if not figure.subset.startswith("class:")} == {
        "all", "corpus:mixed", "corpus:solo", "corpus:pairs",
        "objects:under-2px", "objects:2-4px", "objects:4-8px", "objects:from-8px",
    }  # fmt: skip


def test_released_captions_are_perfect(figures):
    for metric in ("bleu_1", "bleu_4", "meteor", "rouge_l"):
        assert value(figures, metric, "released") == pytest.approx(1)
    for metric in ("fact_precision", "fact_recall", "object_count_precision", "cover_share_recall"):
        assert value(figures, metric, "released") == pytest.approx(100)
    for metric in ("invented_objects", "wrong_counts", "wrong_zones", "wrong_shares"):
        assert value(figures, metric, "released") == 0


def test_captions_rank_as_they_should(figures):
    for metric in ("bleu_4", "meteor", "rouge_l", "cider_d", "cider_d_frozen", "fact_precision", "fact_recall"):
        ceiling = value(figures, metric, "grammar")
        assert value(figures, metric, "released") >= ceiling > value(figures, metric, "shifted")
        assert ceiling > value(figures, metric, "most-frequent")


def test_totals_are_of_the_corpus_and_not_means_of_images(scored, figures):
    _, variants = scored
    shifted = variants["shifted"]
    assert value(figures, "bleu_4", "shifted") == pytest.approx(bleu(shifted.parts["bleu_4"].sum(axis=0))[3])
    assert value(figures, "meteor", "shifted") == pytest.approx(meteor(shifted.parts["meteor"].sum(axis=0)))
    assert value(figures, "rouge_l", "shifted") == pytest.approx(shifted.parts["rouge_l"].mean())
    for metric in ("bleu_4", "meteor", "rouge_l", "cider_d", "fact_recall"):
        figure = find(figures, metric, "shifted")
        assert figure.low < figure.value < figure.high


def test_a_corpus_is_weighed_by_its_own_references_and_by_the_frozen_ones(scored, figures):
    texts, variants = scored
    rows = [row for row, example in enumerate(texts.examples) if example.corpus == "mixed"]
    of_corpus = document_frequencies([texts.references[row] for row in rows])
    pairs = variants["shifted"].pairs
    own = value(figures, "cider_d", "shifted", "corpus:mixed")
    assert own == pytest.approx(cider_d(pairs, of_corpus)[rows].mean())
    frozen = value(figures, "cider_d_frozen", "shifted", "corpus:mixed")
    assert frozen == pytest.approx(cider_d(pairs, texts.train)[rows].mean())
    assert texts.train.documents == len(TRAIN) - len(NARRATED)
    assert frozen != pytest.approx(own)


def test_the_ceiling_is_of_the_images_that_have_one_and_the_others_are_told(figures):
    without = value(figures, "images_without_caption", "grammar")
    assert without >= 2
    assert find(figures, "bleu_4", "grammar").n == len(EXAMPLES) - without
    assert value(figures, "images_without_caption", "released") == 0


def test_a_single_image_has_no_cider_of_its_own_weights_and_no_bounds(figures):
    assert value(figures, "cider_d_frozen", "released", "corpus:solo") > 1
    assert value(figures, "bleu_1", "released", "corpus:solo") == pytest.approx(1)
    assert find(figures, "bleu_1", "released", "corpus:solo").low is None


@pytest.mark.parametrize(
    ("metric", "variant", "subset", "reason"),
    [
        ("bleu_4", "grammar", "corpus:pairs", "no caption of any of these images"),
        ("cider_d", "released", "corpus:solo", "of a single image"),
        ("cider_d", "released", "corpus:pairs", "all images have the same references"),
        ("scene_precision", "released", "all", "the captions state nothing of it"),
        ("scene_recall", "released", "all", "the annotation holds nothing of it"),
        ("fact_recall", "released", "corpus:pairs", "quote optical captions"),
        ("bleu_4", "released", "objects:from-8px", "no image of the benchmark"),
        ("fact_precision", "most-frequent", "class:bridge", "state nothing"),
        ("spice", "released", "all", FOLDER),
    ],
)
def test_what_is_not_computed_says_why(figures, metric, variant, subset, reason):
    figure = find(figures, metric, variant, subset)
    assert figure.value is None
    assert reason in figure.reason


def test_classes_and_sizes_of_objects(figures):
    classes = {figure.subset for figure in figures if figure.subset.startswith("class:")}
    assert classes == {f"class:{noun}" for noun in NOUNS}
    for noun in NOUNS:
        assert value(figures, "fact_precision", "released", f"class:{noun}") == pytest.approx(100)
        assert value(figures, "fact_recall", "shifted", f"class:{noun}") < 100
        assert find(figures, "fact_recall", "released", f"class:{noun}").n < len(EXAMPLES)
    assert find(figures, "bleu_4", "released", "objects:2-4px").n == 7


def test_a_benchmark_of_rewritten_captions_has_no_ceiling():
    pairs = benchmark_of([example for example in EXAMPLES if example.corpus == "pairs"], TRAIN)
    captions = baselines(pairs, SEED, checkable_classes(ENTRIES))
    assert captions["grammar"] == {}
    texts = collect({"grammar": {}}, pairs, seed=SEED)
    variants = score_variants(texts, checkable_classes(ENTRIES))
    figures = figures_of(texts, variants, benchmark="pairs", side=SIDE, seed=SEED, resamples=20)
    assert {figure.value for figure in figures if figure.metric != "images_without_caption"} == {None}
    assert value(figures, "images_without_caption", "grammar") == 2


def test_empty_and_copied_captions_are_told(scored, figures):
    assert value(figures, "empty_captions", "shifted") == 1
    assert value(figures, "empty_captions", "released") == 0
    assert value(figures, "copied_captions", "most-frequent") == 100
    assert scored[0].train_captions > {"at least one ship is seen"}
    assert value(figures, "distinct_captions", "most-frequent") == pytest.approx(100 / len(EXAMPLES))
    assert value(figures, "unreadable_captions", "shifted") > 0


def test_every_caption_stands_beside_its_own_scores(scored):
    texts, variants = scored
    tables = {name: list(captions_rows(texts, variant)) for name, variant in variants.items()}
    assert {name: len(rows) for name, rows in tables.items()} == {
        name: int(variant.captions.covered.sum()) for name, variant in variants.items()
    }
    rows = {row["image_id"]: row for row in tables["released"]}
    assert list(rows) == [example.image_id for example in BENCHMARK.examples]
    assert rows["solo/1"]["bleu_4"] == pytest.approx(1)
    assert rows["solo/1"]["facts_right"] == rows["solo/1"]["facts_stated"] == rows["solo/1"]["facts_true"] == 3
    assert rows["pairs/1"]["facts_right"] is None
    assert [row["caption"] for row in tables["shifted"]].count("") == 1


def test_the_same_captions_give_the_same_figures(scored, figures):
    again = figures_of(*scored, benchmark=BENCHMARK.name, side=SIDE, seed=SEED, resamples=200)
    assert again == figures


def test_without_a_train_split_the_frozen_weights_are_not_computed():
    texts = collect({"released": RELEASED}, benchmark_of(EXAMPLES), seed=SEED)
    assert texts.train.documents == 0
    assert not informative(texts.references, texts.train)


def test_captions_of_other_images_are_refused():
    with pytest.raises(EvaluationError, match="captions of mine: 1 image not in release-test: other/1"):
        score_captions({"mine": {**RELEASED, "other/1": "x"}}, BENCHMARK, ENTRIES, side=SIDE, seed=SEED)


def test_references_without_a_word_are_refused():
    with pytest.raises(EvaluationError, match=r"solo/1: its caption '\.\.\.' holds no word"):
        collect({}, benchmark_of([example("solo/1", quoted_facts("..."), "...")]), seed=SEED)
