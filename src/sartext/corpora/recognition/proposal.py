"""The catalogue file that is proposed for a folder which is no known corpus: what was seen, and marked gaps."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from sartext.catalogue.entry import CorpusClass, Entry
from sartext.catalogue.loading import GAP
from sartext.corpora.layout import SPLIT, FileGroup
from sartext.corpora.listing import Lookup
from sartext.corpora.quarantine import Unusable
from sartext.corpora.reading import read_text
from sartext.corpora.recognition import OPTICAL, SAR, Recognition
from sartext.corpora.recognition.annotations import Sighting
from sartext.corpora.samples import Sample, Value, describe_values, sample_of
from sartext.errors import counted

KINDS = {"boxes": "detection", "masks": "segmentation", "scenes": "scene-classification", "captions": "captions"}
"""The kind of corpus by what its annotations hold, in the order in which they are preferred."""

POLARISATION = re.compile(r"(?<![A-Za-z])(VV|VH|HH|HV)(?![A-Za-z])", re.IGNORECASE)

LISTS_READ = 100
"""Text files that are looked at for the names of a published split."""

SHOWN = 90
"""Characters of a line of somebody's licence or notes that a comment shows."""


@dataclass(frozen=True)
class Proposal:
    """A catalogue file as text, and what it was made from, in lines for a person."""

    text: str
    seen: tuple[str, ...]


def propose(found: Recognition, name: str, origin: str, catalogue: Mapping[str, Entry]) -> Proposal:
    """Return the catalogue file of a corpus as far as its folder shows it.

    Args:
        found: what was recognised in the folder.
        name: the corpus.
        origin: how the folder or archive is called that a person downloaded.
        catalogue: the known corpora; a class that one of them has is called as there.
    """
    chosen = chosen_annotations(found.annotations)
    images = found.images
    sample = sample_of(found.layout, images) if images else None
    seen = (
        [f"{images.glob}: {counted(len(images.files), 'image')}, {sample.describe()}"]
        if images and sample
        else ["no images"]
    )
    seen += [sighting.describe() for sighting in found.annotations]
    if found.pairing:
        seen.append(f"{found.pairing[0].glob}: {len(found.pairing[0].files):,} optical halves, by name")
    lines = [
        f"# Proposed from what lies in {origin}. Fill in what says {GAP}, and read the rest: it is a guess.",
        f"name: {name}",
        f"title: {quoted(name)}",
        f"description: {quoted(_description(found, chosen))}",
        *_what_lies_there(found, chosen, seen),
        *_classes(found, chosen, catalogue),
        *_sensor(found, sample),
        *_rights(found, origin),
        *_counts(found, chosen),
    ]
    return Proposal("\n".join(lines) + "\n", tuple(seen))


def chosen_annotations(sightings: Iterable[Sighting]) -> Sighting | None:
    """Return the annotations to read: boxes before masks, scenes and captions, of those that most images have."""
    found = list(sightings)
    most = max((sighting.annotated for sighting in found), default=0)
    order = list(KINDS)
    enough = [sighting for sighting in found if 2 * sighting.annotated >= most]
    return min(enough, key=lambda sighting: order.index(sighting.makes), default=None)


def quoted(value: object) -> str:
    """Return a value as JSON, which YAML reads."""
    return json.dumps(value, ensure_ascii=False)


def _kind(found: Recognition, chosen: Sighting | None) -> str:
    return KINDS[chosen.makes] if chosen else "pairs" if found.pairing else "unlabelled"


def _description(found: Recognition, chosen: Sighting | None) -> str:
    count = counted(len(found.images.files), "image") if found.images else "Images"
    if chosen is None:
        return f"{count}{' with their optical halves' if found.pairing else ''}."
    classes = (
        f" of {len(chosen.labels)} {'class' if len(chosen.labels) == 1 else 'classes'}" if chosen.labels else ""
    )
    return f"{count} with {chosen.makes if chosen.makes != 'scenes' else 'scene classes'}{classes}."


def _what_lies_there(found: Recognition, chosen: Sighting | None, seen: list[str]) -> Iterator[str]:
    yield f"kind: {_kind(found, chosen)}"
    if chosen and chosen.makes == "captions" and found.images and _optical(found, found.images):
        yield "modality: optical"
    yield "# seen:"
    yield from (f"#   {line}" for line in seen)
    others = [group for group in found.pictures[1:] if not found.pairing or group != found.pairing[0]]
    yield from (f"#   {group.glob}: {len(group.files):,} more images" for group in others[:5])
    yield f"images: {quoted([found.images.glob] if found.images else [GAP])}"
    if chosen:
        yield "annotations:"
        stated = chosen.declared.model_dump(exclude_defaults=True, mode="json")
        yield from (f"  {field}: {quoted(value)}" for field, value in stated.items())
    if found.pairing:
        image, file = found.pairing[1]
        yield f"pairing: {{image: {quoted(image)}, file: {quoted(file)}}}"


def _optical(found: Recognition, group: FileGroup) -> bool:
    if SAR.search(group.glob):
        return False
    return bool(OPTICAL.search(group.glob)) or not sample_of(found.layout, group).grey


def _classes(found: Recognition, chosen: Sighting | None, catalogue: Mapping[str, Entry]) -> Iterator[str]:
    if chosen is None or chosen.makes == "captions":
        return
    yield "classes:  # noun, plural and hypernym are what captions say"
    if chosen.makes == "masks":
        (group,) = (group for group in found.layout.images if group.glob == chosen.declared.files[0])
        values = sample_of(found.layout, group).values
        yield f"  # of the pixels of a sample: {describe_values(values)}"
        yield from (f"  - {_mask_class(value)}" for value, _ in sorted(values, key=repr))
        return
    known = _known_classes(catalogue, "scene-classification" if chosen.makes == "scenes" else "detection")
    what = "boxes" if chosen.makes == "boxes" else "images"
    for label, count in chosen.labels:
        yield f"  - {_class(label, known, chosen.makes)}  # {count:,} {what}"


def _known_classes(catalogue: Mapping[str, Entry], kind: str) -> dict[str, CorpusClass]:
    known: dict[str, CorpusClass] = {}
    for entry in catalogue.values():
        for each in entry.classes if entry.kind == kind else ():
            for word in (each.label, *each.source):
                known.setdefault(_plain(word), each)
    return known


def _plain(word: str) -> str:
    return re.sub(r"[^a-z0-9]", "", word.casefold())


def _class(label: str, known: Mapping[str, CorpusClass], makes: str) -> str:
    words = re.sub(r"[^A-Za-z0-9' -]+", " ", label.replace("_", " ")).strip().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", words).strip("-") or "class"
    if same := known.get(_plain(label)):
        nouns = {"noun": same.noun, "plural": same.plural, "hypernym": same.hypernym}
    elif re.search("[a-z]", words):
        plural = words if words.endswith("s") else f"{words}s"
        nouns = {"noun": words, "plural": plural, "hypernym": GAP}
        if makes == "scenes":  # a caption says it as it stands: "a harbor", "farmland"
            nouns["noun"] = GAP
    else:
        slug, nouns = f"class-{slug}", {"noun": GAP, "plural": GAP, "hypernym": GAP}
    return _flow({"label": slug, "source": [label], **nouns})


def _mask_class(value: Value) -> str:
    text = "-".join(map(str, value)) if isinstance(value, tuple) else str(value)
    mark = {"colour": list(value)} if isinstance(value, tuple) else {"code": value}
    nouns = {"noun": GAP, "plural": GAP, "hypernym": GAP}
    return _flow({"label": f"{next(iter(mark))}-{text}", **mark, **nouns, "stuff": True})


def _flow(fields: Mapping[str, object]) -> str:
    return "{" + ", ".join(f"{name}: {quoted(value)}" for name, value in fields.items()) + "}"


def _sensor(found: Recognition, sample: Sample | None) -> Iterator[str]:
    names = found.images.sample(20) if found.images else []
    written = [{match.upper() for match in POLARISATION.findall(file)} for file in names]
    common = sorted(set.intersection(*written)) if written else []
    yield f"sensor: {GAP}  # such as Sentinel-1; several with commas; not stated, if nobody says"
    stated = common[0] if len(common) == 1 else "unknown"
    yield f"polarisation: {stated}  # as file names say it; VV, VH, HH, HV, VV+VH"
    if sample is None or sample.quantity is None:
        values = sample.describe() if sample else "no image"
        yield f"quantity: {GAP}  # display, amplitude, intensity, complex or db; seen: {values}"
    else:
        yield f"quantity: {sample.quantity}  # {sample.describe()}"
    if sample and sample.quantity != "display" and max(sample.bands, default=1) > 1:
        count = max(sample.bands)
        yield f"bands: {GAP}  # {count} bands: their numbers from 1, such as {{VV: 1, VH: 2}}, co-polar first"
    yield "# resolution_m: [10]  # metres, if known"


def _rights(found: Recognition, origin: str) -> Iterator[str]:
    yield f"licence: {GAP}  # an SPDX id (CC-BY-4.0), a URL or not-stated; seen: {_licence_seen(found)}"
    yield "redistribution: false  # true where the licence lets a release hold the images"
    yield f"citation: {GAP}  # whom to cite"
    yield f"homepage: {GAP}  # a URL, or not-stated"
    yield f"obtain: {quoted(f'Get {origin} from its authors')}"


def _licence_seen(found: Recognition) -> str:
    notes = [file for group in found.layout.others for file in group.files if "/" not in file]
    for file in sorted(notes, key=lambda file: not re.match("(?i)licen[sc]e|copying", file)):
        try:
            lines = [line.strip() for line in read_text(found.folder / file)[0].split("\n")]
        except Unusable:
            continue
        named = re.match("(?i)licen[sc]e|copying", file)
        telling = [line for line in lines if line and (named or re.search("(?i)licen[sc]e", line))]
        if telling and (named or re.match("(?i)readme|source", file)):
            return f"{file}: {' '.join(telling[0].split())[:SHOWN]}"
    return "no file that names one"


def _counts(found: Recognition, chosen: Sighting | None) -> Iterator[str]:
    images = len(found.images.files) if found.images else 0
    objects = f", objects: {chosen.objects}" if chosen and chosen.objects else ""
    yield f"# published: {{images: {images}{objects}}}  # counted here; write what the authors state"
    splits = {**(found.images.splits if found.images else {}), **_split_lists(found)}
    if splits:
        yield f"splits: {_flow(splits)}"
    yield "# scene: a regular expression on the path; its groups name the place, and images of one share a split"


def _split_lists(found: Recognition) -> dict[str, str]:
    """Text files that are called like a split and hold names of the images."""
    lookup = Lookup(found.images.files if found.images else ())
    texts = [file for group in found.layout.others if group.suffix == ".txt" for file in group.files]
    lists: dict[str, str] = {}
    for file in texts[:LISTS_READ]:
        if not (match := SPLIT.search(PurePosixPath(file).stem)):
            continue
        try:
            rows = [line.split() for line in read_text(found.folder / file)[0].split("\n") if line.strip()]
        except Unusable:
            continue
        if rows and 2 * sum(len(row) < 3 and bool(lookup.find(row[0])) for row in rows) > len(rows):
            lists.setdefault(match.group().lower(), file)
    return lists
