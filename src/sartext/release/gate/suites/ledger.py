"""Suite ``ledger``: every source image has one fate, and the released ones are the candidate."""

from collections import Counter

from sartext.release.gate.suite import Check, Frame, Inputs, Measure, Suite, among, of_column, within, without

FATES = ("released", "left out")


def _count(inputs: Inputs, fate: str | None = None) -> Counter[str]:
    return Counter(row["corpus"] for row in inputs.ledger if fate in {None, row["fate"]})


def _per_corpus(fate: str | None = None) -> Measure:
    return lambda inputs: [_count(inputs, fate)[corpus] for corpus in inputs.corpora]


def _sources(inputs: Inputs) -> list[int]:
    indexed = Counter(image_id.partition("/")[0] for image_id in inputs.index)
    return [indexed[corpus] + inputs.quarantined[corpus] for corpus in inputs.corpora]


def _unaccounted(inputs: Inputs) -> list[int]:
    known = _count(inputs, "released") + _count(inputs, "left out")
    return [sources - known[corpus] for corpus, sources in zip(inputs.corpora, _sources(inputs), strict=True)]


def _published(inputs: Inputs) -> list[str]:
    """Compare each corpus with its authors' count; of SAR-optical pairs that is the number of SAR halves."""
    counted = _count(inputs)
    optical = Counter(
        image_id.partition("/")[0] for image_id, row in inputs.index.items() if row["modality"] == "optical"
    )
    complaints = []
    for corpus in inputs.corpora:
        entry = inputs.catalogue[corpus]
        images = counted[corpus] - (optical[corpus] if entry.modality == "sar" else 0)
        stated = entry.published.images
        differs = stated is not None and stated != images
        complaints.append(f"{images:,} images here, {stated:,} published" if differs else "")
    return complaints


def _ledger_problem(inputs: Inputs) -> list[str]:
    released = set(inputs.column("image_id"))
    return [_row_problem(row, released, inputs.corpora) for row in inputs.ledger]


def _row_problem(row: dict[str, str], released: set[str], listed: list[str]) -> str:
    if row["corpus"] not in listed:
        return f"corpus '{row['corpus']}' is not listed"
    if row["fate"] not in FATES:
        return f"unknown fate '{row['fate']}'"
    if row["fate"] == "released":
        return "" if row["image_id"] in released else "released, but not in the candidate"
    if row["image_id"] in released:
        return "left out, but in the candidate"
    return "" if row["reason"].strip() and row["stage"].strip() else "left out without a stage or reason"


def _in_ledger(inputs: Inputs) -> list[str]:
    fates = {row["image_id"]: row["fate"] for row in inputs.ledger}
    fates_of_pairs = [fates.get(image_id, "absent") for image_id in inputs.column("image_id")]
    return ["" if fate == "released" else f"{fate} in the ledger" for fate in fates_of_pairs]


SUITE = Suite(
    "ledger",
    "Every source image has one fate, and the released ones are the candidate",
    frames=(
        Frame(
            "corpora",
            "corpora",
            lambda inputs: inputs.corpora,
            {
                "sources": _sources,
                "released": _per_corpus("released"),
                "left_out": _per_corpus("left out"),
                "images": _per_corpus(),
                "unaccounted": _unaccounted,
                "published": _published,
            },
        ),
        Frame(
            "ledger",
            "source images",
            lambda inputs: [row["image_id"] for row in inputs.ledger],
            {"image_id": lambda inputs: [row["image_id"] for row in inputs.ledger], "problem": _ledger_problem},
        ),
        Frame("candidate", "pairs", of_column("image_id"), {"in_ledger": _in_ledger}),
    ),
    checks=(
        among("sources are released or left out", "corpora", "unaccounted", "corpora", [0]),
        within("every listed corpus is present", "corpora", "images", "corpora", lambda _: (1, None)),
        Check("one row per source image", "ledger", "image_id", "source images", "ExpectColumnValuesToBeUnique"),
        without("fates and reasons", "ledger", "problem", "source images"),
        without("every pair is released in the ledger", "candidate", "in_ledger", "pairs"),
        without("published counts", "corpora", "published", "corpora", severity="warning"),
    ),
)
