"""Evaluations of every kind, made up but complete: what the report is tested on."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from sartext.evaluation.details import (
    BenchmarkRow,
    CaptionExample,
    Curve,
    Details,
    FoilExample,
    Frame,
    Ranked,
    RetrievalExample,
    Strip,
    Variant,
    VqaExample,
    Written,
)
from sartext.evaluation.figures import Figure, Task, difference, not_computed
from sartext.files import sha256_text

CORPORA = {"sim-landcover": 92, "sim-objects": 71, "sim-pairs": 31, "sim-ships": 50}
IMAGES = sum(CORPORA.values())
BENCHMARK = BenchmarkRow("release-test", IMAGES, 201, 163, CORPORA, 0, "3f" * 32)
OTHER = BenchmarkRow("hrsid-test", 118, 97, 41, {"hrsid": 118}, 4, "a7" * 32)

NO_QUESTION = "no question of this type in the test split"
NO_SPICE = "the Stanford CoreNLP models are absent; set SARTEXT_SPICE to their folder"
COCA = "src/sartext/models/foundations/coca-tiny.yaml"


def _model(name: str, title: str, role: str, kind: str, samples: int | None, **more: object) -> Variant:
    stages = ("checkpoint@coca-optical", f"checkpoint@{name}") if role != "foundation" else ()
    known = {"origin": COCA, "weights": 2_913_408, "model_sha256": f"{abs(hash_of(name)):064x}", "stages": stages}
    return Variant(name, title, role, kind, samples=samples, **{**known, **more})  # type: ignore[arg-type]


def hash_of(text: str) -> int:
    """A number of a text that is the same in every process."""
    return int(sha256_text(text)[:16], 16)


VARIANTS = (
    _model("foundation", "CoCa before any training of ours", "foundation", "coca", 0),
    _model("foundation-clip", "CLIP before any training of ours", "foundation", "clip", 0, weights=1_800_000),
    _model("progressive", "optical, then SAR", "arm", "coca", 32_800, sar_samples=20_000),
    _model("direct", "SAR alone, planned for as many SAR samples", "arm", "coca", 20_000, sar_samples=20_000),
    _model("direct-total", "SAR alone, as many samples in total", "arm", "coca", 32_800, sar_samples=32_800),
    _model("mixed", "optical and SAR in one stage", "arm", "coca", 32_800, sar_samples=14_112),
    _model("shuffled", "optical with shuffled captions, then SAR", "arm", "coca", 32_800, sar_samples=20_000),
    _model("optical-only", "the optical stage alone", "arm", "coca", 12_800, sar_samples=0),
    _model("sar-rs-clip", "on the release", "model", "clip", 17_600, registered="sar-rs-clip"),
    _model("sar-rs-clip-annotated", "without narrated captions", "model", "clip", 17_600),
    _model("sar-rs-coca", "on the release", "model", "coca", 32_800, registered="sar-rs-coca"),
    _model("sar-rs-coca-annotated", "without narrated captions", "model", "coca", 32_800),
    _model("sar-gpt", "optical VQA, then SAR VQA", "model", "gpt", 61_000, registered="sar-gpt"),
    _model("sar-gpt-blind", "the same language model, without images", "baseline", "gpt", 61_000, blind=True),
    _model("grounder", "taught boxes and masks", "model", "grounder", 19_200, registered="grounder"),
    Variant("commonest", "what a corpus shows most often", "baseline", "rule", blind=True),
    Variant("most-frequent", "the most frequent training caption", "baseline", "rule", blind=True),
    Variant("nearest-train", "the training caption nearest to the picture", "baseline", "rule"),
    Variant("chance", "an order drawn at random", "baseline", "rule", blind=True),
    Variant("constant-ranking", "the commonest facts first", "baseline", "rule", blind=True),
    Variant("text-prior", "the likelier caption, without the image", "baseline", "rule", blind=True),
    Variant("constant", "the most frequent answer of a type", "baseline", "rule", blind=True),
    Variant("constant-per-corpus", "the same per corpus", "baseline", "rule", blind=True),
    Variant("grammar", "a sixth wording of the right facts", "ceiling", "rule"),
    Variant("perfect", "knows all facts", "ceiling", "rule"),
)
LEVEL = {
    "foundation": 0.02, "foundation-clip": 0.03, "progressive": 0.62, "direct": 0.55, "direct-total": 0.63,
    "mixed": 0.58, "shuffled": 0.54, "optical-only": 0.14, "sar-rs-clip": 0.74, "sar-rs-clip-annotated": 0.72,
    "sar-rs-coca": 0.66, "sar-rs-coca-annotated": 0.61, "sar-gpt": 0.78, "sar-gpt-blind": 0.47,
    "most-frequent": 0.11, "nearest-train": 0.48, "chance": 0.06, "constant-ranking": 0.17,
    "text-prior": 0.53, "constant": 0.41, "constant-per-corpus": 0.45,
    "grammar": 0.9, "perfect": 1.0, "grounder": 0.8, "commonest": 0.2,
}  # fmt: skip
"""How good each is, roughly, where 1 is the best."""

EMBEDDING = [variant.name for variant in VARIANTS if variant.kind in {"clip", "coca"}]
RANKED = [*EMBEDDING, "chance", "constant-ranking"]
CAPTIONING = [variant.name for variant in VARIANTS if variant.kind == "coca"]
CAPTION_RULES = ["most-frequent", "nearest-train", "grammar"]
ANSWERING = ["sar-gpt", "sar-gpt-blind", "constant", "constant-per-corpus"]
GROUNDING = ["grounder", "commonest"]
TYPES = ("presence", "count", "position", "comparison", "dominant", "scene")
CLASSES = ("aircraft", "bridge", "forest", "harbour", "ship", "tank", "urban area", "water")
KINDS = ("class", "count", "share", "zone")
METRICS = {
    "bleu_1": 0.8, "bleu_2": 0.7, "bleu_3": 0.6, "bleu_4": 0.52, "meteor": 0.4, "rouge_l": 0.72, "cider_d": 4.2,
    "cider_d_frozen": 3.9, "fact_precision": 96.0, "fact_recall": 92.0, "fact_f1": 94.0, "object_precision": 88.0,
    "object_recall": 80.0, "cover_precision": 97.0, "cover_recall": 95.0, "words": 14.0, "distinct_captions": 60.0,
}  # fmt: skip


def _figure(
    task: Task, metric: str, variant: str, value: float, subset: str = "all", n: int = IMAGES, *, most: float = 100
) -> Figure:
    """A figure with an interval whose width depends on ``n``; jitter by what it is of."""
    random = np.random.default_rng(hash_of(f"{variant}{metric}{subset}") % 2**32)
    value = float(np.clip(value * random.uniform(0.94, 1.06), 0, most))
    half = most * 1.6 * np.sqrt(max(value / most * (1 - value / most), 0.004) / n)
    return Figure(task, metric, variant, value, max(0, value - half), min(most, value + half), n, subset=subset)


def _difference(left: Figure, right: Figure) -> Figure:
    assert left.value is not None and right.value is not None and left.high is not None and right.high is not None
    half = 0.7 * float(np.hypot(left.high - left.value, right.high - right.value))
    value = left.value - right.value
    name = difference(left.variant, right.variant)
    return replace(left, variant=name, value=value, low=value - half, high=value + half)


def retrieval_figures() -> list[Figure]:
    found = []
    for name in RANKED:
        for scoring, factor in (("distinct_facts", 90), ("duplicate_aware", 100), ("one_positive", 71)):
            level = LEVEL[name] * factor
            found.append(_figure("retrieval", f"{scoring}.mean_recall", name, level))
            found += [
                _figure("retrieval", f"{scoring}.{way}_r{cut}", name, level * share)
                for way in ("i2t", "t2i")
                for cut, share in ((1, 0.6), (5, 1.0), (10, 1.2))
            ]
        parts = [*(f"corpus:{part}" for part in CORPORA), *(f"class:{part}" for part in CLASSES)]
        metric = "distinct_facts.mean_recall"
        found += [_figure("retrieval", metric, name, 100 * LEVEL[name], part, 60) for part in parts]
        elsewhere = _figure("retrieval", metric, name, 60 * LEVEL[name])
        found.append(replace(elsewhere, benchmark="hrsid-test", n=118))
    found.append(Figure("retrieval", "one_positive.mean_recall", "perfect", 84.2, n=IMAGES))
    whole = ("retrieval", "release-test", "all")
    named = {(figure.metric, figure.variant): figure for figure in found if figure.place[:3] == whole}
    for metric in ("distinct_facts.mean_recall", "duplicate_aware.mean_recall", "one_positive.mean_recall"):
        for control in ("direct", "direct-total", "mixed", "shuffled", "optical-only"):
            found.append(_difference(named[metric, "progressive"], named[metric, control]))
    return found + foil_figures()


def foil_figures() -> list[Figure]:
    found = []
    for name in [*EMBEDDING, "text-prior"]:
        level, step = (LEVEL[name], 4) if name != "text-prior" else (0.05, 0)
        mean = 50 + 45 * level
        found += [
            _figure("foils", "accuracy", name, mean - step * at, f"kind:{kind}", 180)
            for at, kind in enumerate(KINDS)
        ]
        found.append(_figure("foils", "mean_accuracy", name, mean - 6))
    return found


def captioning_figures() -> list[Figure]:
    parts = [("all", IMAGES), *((f"corpus:{corpus}", size) for corpus, size in CORPORA.items())]
    parts += [(f"objects:{size}", 24) for size in ("under-2px", "2-4px", "4-8px", "from-8px")]
    found: list[Figure] = []
    for name in [*CAPTIONING, *CAPTION_RULES]:
        level = LEVEL[name]
        for metric, best in METRICS.items():
            most = 10.0 if metric.startswith("cider") else 100.0 if best > 10 else 1.0
            found += [_figure("captioning", metric, name, level * best, *part, most=most) for part in parts]
        found.append(_figure("captioning", "wrong_counts", name, (1 - level) * 60))
        found.append(_figure("captioning", "wrong_zones", name, (1 - level) * 50))
        found.append(_figure("captioning", "invented_objects", name, (1 - level) * 1.2, most=10))
        found.append(not_computed("captioning", "spice", name, NO_SPICE))
    return found + physics_figures()


def physics_figures() -> list[Figure]:
    settings: dict[str, Sequence[tuple[str, float]]] = {
        "looks": (("1", 0.6), ("2", 0.75), ("4", 0.9), ("8", 0.97), ("16", 1.0)),
        "resolution": (("1", 1.0), ("1.5", 0.93), ("2", 0.8), ("3", 0.55), ("4", 0.4)),
        "contrast": (("-9", 0.5), ("-6", 0.7), ("-3", 0.88), ("0", 1.0), ("3", 1.04)),
    }

    def figure(metric: str, name: str, value: float, subset: str) -> Figure:
        return replace(_figure("physics", metric, name, value, subset, 80), benchmark="sim-physics")

    found: list[Figure] = []
    for name in ("sar-rs-clip", "sar-rs-coca", "progressive"):
        metrics, removed = {"duplicate_aware_mean_recall": 80.0}, {"similarity_fell": 72.0}
        if name != "sar-rs-clip":
            metrics |= {"fact_precision": 84.0, "fact_recall": 71.0}
            removed |= {"caption_changed": 61.0, "caption_changed_by_speckle": 23.0}
            removed |= {"caption_changed_beyond_speckle": 38.0, "count_followed": 34.0}
        found += [figure(metric, name, value, "removed") for metric, value in removed.items()]
        found += [
            figure(metric, name, best * share * LEVEL[name] / 0.74, f"{condition}:{step}")
            for metric, best in metrics.items()
            for condition, steps in settings.items()
            for step, share in steps
        ]
    return found


def vqa_figures() -> list[Figure]:
    found = []
    for name in ANSWERING:
        level = 100 * LEVEL[name]
        found += [_figure("vqa", metric, name, level, n=1184) for metric in ("aa", "oa")]
        found += [
            _figure("vqa", "accuracy", name, level * (1.1 - 0.05 * at), f"type:{kind}", 210)
            for at, kind in enumerate(TYPES[:-1])
        ]
        found.append(not_computed("vqa", "accuracy", name, NO_QUESTION, subset="type:scene"))
        found += [_figure("vqa", "accuracy", name, level, f"corpus:{corpus}", 296) for corpus in CORPORA]
    return found


def grounding_figures() -> list[Figure]:
    parts = [("all", 176), *((f"corpus:{corpus}", CORPORA[corpus]) for corpus in ("sim-objects", "sim-ships"))]
    found = []
    for name in GROUNDING:
        level = 100 * LEVEL[name]
        for metric in ("average_precision", "exact_counts", "places_right"):
            found += [_figure("grounding", metric, name, level, *part) for part in parts]
        for subset in ("class:ship", "class:bridge", "part:sim-objects/ship", "part:sim-objects/bridge"):
            found.append(_figure("grounding", "average_precision", name, level, subset, 71))
        for metric, value in (("mean_iou", level), ("share_error", 100 - level)):
            found += [
                _figure("grounding", metric, name, value, part, 92) for part in ("all", "corpus:sim-landcover")
            ]
        found.append(_figure("grounding", "mean_iou", name, level, "class:water", 92))
    model, blind = (next(figure for figure in found if figure.variant == name) for name in GROUNDING)
    return [*found, _difference(model, blind)]


TRUE = (
    "There are three ships and one bridge in this SAR image. Two ships are in the center; one ship and one bridge "
    "are outside the center."
)
WATER = "Most of this SAR image is covered by water. A small part is forest, in the upper left."
HARBOUR = "There are two tanks in this SAR image, both outside the center."
CAPTIONS = (TRUE, WATER, HARBOUR)
IDS = tuple(f"{corpus}/{at:06d}" for corpus in CORPORA for at in (11, 48, 73))


def _curves() -> Iterable[Curve]:
    ks = np.arange(1, 51)
    for name in RANKED:
        for scoring, factor in (("distinct_facts", 0.9), ("duplicate_aware", 1.0), ("one_positive", 0.71)):
            i2t = 100 * (1 - (1 - 0.6 * LEVEL[name] * factor) ** (ks**0.6))
            t2i = 100 * (1 - (1 - 0.56 * LEVEL[name] * factor) ** (ks**0.62))
            yield Curve(name, scoring, tuple(i2t.round(2).tolist()), tuple(t2i.round(2).tolist()))  # type: ignore[arg-type]
    perfect = tuple((100 * (1 - 0.42 * np.exp(-(ks - 1) / 6))).round(2).tolist())
    yield Curve("perfect", "one_positive", perfect, perfect)


def _rankings() -> Iterable[RetrievalExample]:
    for at in range(6):
        places = ((place, at + place) for place in range(5))
        ranked = tuple(Ranked(IDS[i % len(IDS)], CAPTIONS[i % 3], place == at % 3) for place, i in places)
        yield RetrievalExample("i2t" if at % 2 else "t2i", "sar-rs-clip", IDS[at], CAPTIONS[at % 3], ranked)


def _written() -> Mapping[str, Written]:
    return {
        "sar-rs-coca": Written(TRUE),
        "progressive": Written(
            "There are two ships and one bridge in this SAR image, all in the center.",
            wrong=("two ships", "one bridge in the center"),
            missed=("one ship outside the center",),
        ),
        "direct": Written("There are three ships <unk> in this", judged=False),
        "foundation": Written("", judged=False),
    }


def details() -> dict[str, Details]:
    """The details of each task."""
    named = {variant.name: variant for variant in VARIANTS}
    preferred = {"sar-rs-clip": True, "sar-rs-coca": False, "foundation": None}
    foils = tuple(
        FoilExample(IDS[at], TRUE, TRUE.replace("three ships", "four ships"), kind, preferred)
        for at, kind in enumerate(KINDS)
    )
    captions = tuple(
        CaptionExample(name, name.split("/")[0], CAPTIONS[at % 3], _written()) for at, name in enumerate(IDS)
    )
    frames = tuple(Frame(f"{looks} looks", f"physics/{looks:02d}", TRUE) for looks in (1, 2, 4, 8, 16))
    answers = {"sar-gpt": "three", "sar-gpt-blind": "two", "constant": ""}
    questions = tuple(
        VqaExample(f"q{at}", IDS[at], kind, f"How many ships are there? ({kind})", "three", answers)
        for at, kind in enumerate(TYPES)
    )
    return {
        "retrieval": Details(
            tuple(named[name] for name in [*RANKED, "text-prior", "perfect"]),
            (BENCHMARK, OTHER),
            curves=tuple(_curves()),
            retrieval=tuple(_rankings()),
            foils=foils,
            chosen={"retrieval": "Every 40th query in the order of image ids; right and wrong ones alike."},
            notes=("Captions longer than the context were cut: 3 of 244.",),
        ),
        "captioning": Details(
            tuple(named[name] for name in [*CAPTIONING, *CAPTION_RULES, "sar-rs-clip"]),
            (BENCHMARK,),
            captions=captions,
            strips=(Strip("Three ships beside a bridge", "sar-rs-coca", frames),),
            chosen={"captions": "The first, middle and last test image of each corpus."},
        ),
        "vqa": Details(tuple(named[name] for name in ANSWERING), (BENCHMARK,), questions=questions),
        "grounding": Details(tuple(named[name] for name in GROUNDING), (BENCHMARK,)),
    }
