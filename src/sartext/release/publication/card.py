"""The dataset card (``README.md``) of a release."""

import io
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from sartext.config import ReleaseParameters
from sartext.narrator.methods import METHODS
from sartext.release.formats.parquet import SCHEMA
from sartext.release.material import SPLITS
from sartext.release.publication.columns import MEANINGS
from sartext.release.publication.markdown import table
from sartext.release.publication.questions import questions_section

EXAMPLES = 3
NOT_APPLICABLE = "not-applicable"
"""What the catalogue says of a corpus without a homepage."""

_SIZES = (
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"),
)


def dataset_card(
    parameters: ReleaseParameters,
    version: str,
    content: str,
    statistics: Mapping[str, Any],
    licences: Sequence[Any],
    *,
    pairs: Sequence[Mapping[str, Any]],
) -> str:
    """Return the Hugging Face dataset card of a release.

    Args:
        parameters: name and title.
        version: the version that is published.
        content: the identity of the content.
        statistics: ``statistics.json`` of the release.
        licences: the rows of ``LICENSES.csv``.
        pairs: the pairs of the release, for examples of their captions and whether one is of a benchmark.
    """
    sections = (
        f"# {parameters.title} {version}\n",
        _summary(statistics),
        "## Contents\n",
        _counts(statistics),
        _columns(),
        "## How the captions are made\n",
        _captions(statistics, pairs),
        _examples(pairs),
        *questions_section(statistics.get("vqa")),
        "## Use\n",
        _use(parameters, version),
        "## Intended use and limitations\n",
        _limitations(pairs),
        "## Licences\n",
        _licences(licences),
        "## Verify\n",
        _verification(version, content),
        "## Citation\n",
        _citations(licences),
    )
    return _header(parameters, statistics, licences) + "\n" + "\n".join(sections)


def _header(parameters: ReleaseParameters, statistics: Mapping[str, Any], licences: Sequence[Any]) -> str:
    from ruamel.yaml import YAML

    splits = [split for split in SPLITS if split in statistics["splits"]]
    asked = ["visual-question-answering"] if statistics.get("vqa") else []
    content = {
        "pretty_name": parameters.title,
        "language": ["en"],
        **_licence_field(licences),
        "task_categories": ["image-to-text", "zero-shot-image-classification", *asked],
        "annotations_creators": ["machine-generated"],
        "multilinguality": ["monolingual"],
        "size_categories": [_size(statistics["pairs"])],
        "tags": ["sar", "synthetic-aperture-radar", "remote-sensing", "earth-observation", "image-text"],
        "dataset_info": {"features": _features()},
        "configs": [
            {
                "config_name": "default",
                "data_files": [{"split": split, "path": f"data/{split}-*.parquet"} for split in splits],
            }
        ],
    }
    stream = io.StringIO()
    yaml = YAML()
    yaml.default_flow_style = False
    yaml.dump(content, stream)
    return f"---\n{stream.getvalue()}---\n"


def _features() -> list[dict[str, str]]:
    known = json.loads(SCHEMA.metadata[b"huggingface"])["info"]["features"]
    return [{"name": name, "dtype": "image" if name == "image" else one["dtype"]} for name, one in known.items()]


def _licence_field(licences: Sequence[Any]) -> dict[str, str]:
    stated = {row["licence"] for row in licences}
    only = stated.pop() if len(stated) == 1 else ""
    if only and only != "not-stated" and not only.startswith("http") and " " not in only:
        return {"license": only.lower()}
    return {"license": "other", "license_name": "per-corpus", "license_link": "LICENSES.csv"}


def _size(pairs: int) -> str:
    return next((name for bound, name in _SIZES if pairs < bound), "10M<n<100M")


def _summary(statistics: Mapping[str, Any]) -> str:
    corpora = statistics["corpora"]
    withheld = statistics["pairs"] - statistics["images"]
    note = (
        f" {withheld:,} images are withheld: their licence is not stated or does not allow passing them on. Their "
        "ids, hashes and captions are here."
        if withheld
        else ""
    )
    words = statistics["words"]
    return (
        f"{statistics['pairs']:,} SAR images of {len(corpora)} corpora, each with an English caption "
        f"made from a checked record of facts.{_simulated(corpora)} Facts, caption and origin of every pair "
        f"travel with it.{note}\n\nCaptions have {words['least']} to {words['most']} words, {words['mean']:g} on "
        f"average; {statistics['distinct_captions']:,} of them are distinct. Images that show the same facts "
        "may share a caption: compare `facts`, not text, when scoring retrieval.\n"
    )


def _simulated(corpora: Mapping[str, Any]) -> str:
    simulated = [name for name, one in corpora.items() if str(one["sensor"]).startswith("simulated")]
    if not simulated:
        return ""
    which = "These images" if len(simulated) == len(corpora) else f"The images of {', '.join(simulated)}"
    return f" {which} are simulated, not acquired by any sensor."


def _counts(statistics: Mapping[str, Any]) -> str:
    splits = [split for split in SPLITS if split in statistics["splits"]]
    rows = [
        [
            f"{one['title']} (`{name}`)",
            one["sensor"],
            *(f"{one['splits'].get(split, 0):,}" for split in splits),
            f"{one['pairs']:,}",
            f"{one['images']:,}",
        ]
        for name, one in statistics["corpora"].items()
    ]
    total = [f"{statistics['splits'][split]:,}" for split in splits]
    rows.append(["**all**", "", *total, f"{statistics['pairs']:,}", f"{statistics['images']:,}"])
    return table(["Corpus", "Sensor", *splits, "pairs", "images included"], rows)


def _columns() -> str:
    rows = [[f"`{name}`", MEANINGS[name]] for name in SCHEMA.names]
    return (
        "The columns of `data/*.parquet`:\n\n"
        + table(["Column", "Meaning"], rows)
        + "\n`ledger.parquet` tells the fate of every source image, also of those left out.\n"
    )


def _captions(statistics: Mapping[str, Any], pairs: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        [f"`{name}`", METHODS[name].description if name in METHODS else "", f"{count:,}"]
        for name, count in sorted(statistics["methods"].items())
    ]
    return (
        "A caption is realised from a small record of facts (objects with counts and zones, land cover with "
        "shares and zones), never straight from an annotation. The gate reads each caption again and compares "
        "it with its facts. An object is in the center if the center of its box lies in the middle half of the "
        'image, both ways. Counts over twenty read "more than twenty".\n\n'
        + table(["Method", "Made", "Captions"], rows)
        + _models(pairs)
    )


def _models(pairs: Sequence[Mapping[str, Any]]) -> str:
    """Which models wrote captions, and where these are; nothing where no model did."""
    counted = Counter((str(row["method"]), str(row["model_sha256"])) for row in pairs if row["model_sha256"])
    if not counted:
        return ""
    rows = [[f"`{method}`", f"`{model}`", f"{count:,}"] for (method, model), count in sorted(counted.items())]
    return (
        "\nCaptions that a model wrote are in the train split only: validation and test tell what annotations "
        "and people say. They are wrong more often than those made by rules; `quality/report.md` tells how often, "
        "where the truth is known. `source_caption` is what the model said, `score` what its acceptance rests on. "
        "To train without them, keep the rows whose `model_sha256` is null. How the models were trained is in "
        "`provenance/`.\n\n" + table(["Method", "SHA-256 of the model", "Captions"], rows)
    )


def _examples(pairs: Sequence[Mapping[str, Any]]) -> str:
    """The first caption of each method, in the order of the ids; further ones where there are fewer than three."""
    first: dict[str, Mapping[str, Any]] = {}
    ordered = sorted(pairs, key=lambda row: str(row["image_id"]))
    for row in ordered:
        first.setdefault(row["method"], row)
    shown = list(first.values())
    texts = {row["caption"] for row in shown}
    for row in ordered:
        if len(shown) >= EXAMPLES:
            break
        if row["caption"] not in texts:
            shown.append(row)
            texts.add(row["caption"])
    rows = [
        [f"`{row['image_id']}`", f"`{row['method']}`", row["caption"]]
        for row in sorted(shown, key=lambda row: (str(row["method"]), str(row["image_id"])))
    ]
    return "Examples:\n\n" + table(["Image", "Method", "Caption"], rows)


def _use(parameters: ReleaseParameters, version: str) -> str:
    return f"""```python
from datasets import load_dataset

pairs = load_dataset("path/to/{parameters.name}/{version}", split="train")
print(pairs[0]["caption"])
```

For open_clip, write the images as files and train in that folder:

```
sartext release extract path/to/{parameters.name}/{version} --to {parameters.name}-files
cd {parameters.name}-files
python -m open_clip_train.main --train-data csv/train.csv --dataset-type csv ...
```

`csv/<split>.csv` is tab separated with the columns `filepath` and `title`, open_clip's defaults; it lists the \
pairs whose image is included.
"""


def _limitations(pairs: Sequence[Mapping[str, Any]]) -> str:
    benchmarks = sorted({str(row["benchmark"]) for row in pairs if row["benchmark"]})
    note = f" Images of the benchmarks ({', '.join(benchmarks)}) are in the test split only." if benchmarks else ""
    return _PURPOSE.rstrip() + note + "\n\n" + _LIMITATIONS


_PURPOSE = """For training and evaluating image-text models on SAR: retrieval, captioning, grounding of counts
and places. Near-duplicates and images of one place never stand on both sides of a split.
"""

_LIMITATIONS = """- Captions tell what the annotations tell: a class that was not annotated is not mentioned, and
  the absence of a mention is no statement of absence.
- Captions made by rules are plainer than a person's.
- Errors of the source annotations are errors here.
- SAR backscatter depends on band, polarisation and incidence angle; corpora may differ in all three.
- Not for navigation, surveillance of persons, targeting, or any decision about safety.
"""


def _licences(licences: Sequence[Any]) -> str:
    rows = [[f"`{row['corpus']}`", row["licence"], row["redistribution"], row["images"]] for row in licences]
    note = "Each image keeps the licence of its corpus; `LICENSES.csv` has the sources and citations.\n\n"
    return note + table(["Corpus", "Licence", "May be passed on", "Images included"], rows)


def _verification(version: str, content: str) -> str:
    return f"""```
sartext release verify path/to/{version}
```

checks every file against `MANIFEST.json` and every image against its hash. The content is
`{content}`.

`provenance/` holds the graph, parameters and data hashes that this release was built from, `quality/report.md` the
results of the gate, `quality/gate.json` the same for programs.
"""


def _citations(licences: Sequence[Any]) -> str:
    return "\n".join(f"- `{row['corpus']}`: {row['citation']}{_homepage(row)}" for row in licences) + "\n"


def _homepage(row: Mapping[str, Any]) -> str:
    url = row["source_url"]
    return f" {url}" if url and url != NOT_APPLICABLE else ""
