"""``sartext audit export``: the sample as one page that works from disk, pictures and all.

The page names neither the method nor the corpus of an image to its rater.
"""

import base64
import hashlib
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup
from PIL import Image

from sartext.catalogue.loading import find_entry
from sartext.config import Project
from sartext.corpora.masks import MASK_UNKNOWN, squashed_mask
from sartext.corpora.quarantine import Unusable
from sartext.errors import ArtefactError, AuditError
from sartext.files import write_text
from sartext.narrator.facts import Facts, from_json
from sartext.narrator.statements import statements_of
from sartext.pages import PACKAGE, render
from sartext.progress import track
from sartext.release.audit.ratings import FORM, RATER, SCALES
from sartext.release.audit.sample import LARGEST as LARGEST_SAMPLE
from sartext.release.audit.sample import SampleParameters, Showing, draw, least, stratum
from sartext.release.audit.storing import Candidate, audited_candidate
from sartext.release.pictures import Pixels, SourcePictures

PAGE = "audit.html"
SCRIPTS = ("audit-kept.js", "audit.js")

SIZE = 200
"""Images of a sample, unless the floor of its strata asks for more."""

LARGEST = 768
"""Pixels of a picture's longer side on the page; larger ones are made smaller."""

LOSSLESS = 256
"""Pixels of a longer side up to which a picture is a PNG; larger ones are JPEG, or the page would be too large."""

QUALITY = 90
MASK_SIDE = 192

COLOURS = ("#56b4e9", "#e69f00", "#009e73", "#f0e442", "#cc79a7", "#d55e00", "#0072b2", "#bbbbbb")
"""Told apart by the colour-blind too (Okabe and Ito 2008)."""

COVERED = 0.3
"""Weight of a colour of land cover over the picture."""

Item = dict[str, Any]


def export(
    project: Project, path: Path, *, size: int | None = None, seed: int = 0, floor: int = 3, repeats: int = 10
) -> dict[str, object]:
    """Write the page that people rate a sample of the candidate on; return its counts.

    Args:
        project: the checkout, whose corpora the pictures are read from.
        path: of the page.
        size: images, at least ``floor`` of each stratum of corpus, method and split; None for the default.
        seed: of the draws.
        floor: images of each stratum.
        repeats: images that are shown twice.

    Raises:
        ArtefactError: there is no candidate, or a picture cannot be read any more.
        AuditError: the floor asks for more images than ``size``, or they are more than a page holds.
    """
    candidate = audited_candidate(project)
    enough = least(Counter(map(stratum, candidate.pairs)), floor).values()
    size = size or max(SIZE, sum(enough))
    if size > LARGEST_SAMPLE:
        raise AuditError(
            f"{size:,} images are more than the {LARGEST_SAMPLE:,} of a page",
            where="sartext audit export",
            way_out="pass a smaller --size or --floor",
        )
    parameters = SampleParameters(size=size, seed=seed, floor=floor, repeats=repeats)
    showings = draw(candidate.pairs, parameters)
    pairs = {str(pair["image_id"]): pair for pair in candidate.pairs}
    sources = SourcePictures(project)
    names = [showing.image_id for showing in showings if showing.showing == 1]
    items = {name: shown_of(project, sources, pairs[name]) for name in track(names, "pictures", len(names))}
    withheld = sum(not pairs[name]["redistribution"] for name in names)
    write_text(path, audit_page(candidate, parameters, showings, items, withheld=withheld))
    return {"images": len(items), "shown": len(showings), "withheld": withheld, "bytes": path.stat().st_size}


def audit_page(
    candidate: Candidate,
    parameters: SampleParameters,
    showings: Sequence[Showing],
    items: Mapping[str, Item],
    *,
    withheld: int,
) -> str:
    """Return the page of a sample as HTML, with what is shown of each image, by its id.

    ``withheld`` is how many of the images may not be passed on.
    """
    data = {
        "form": FORM,
        "candidate_sha256": candidate.sha256,
        "sample": parameters.model_dump(),
        "showings": [[showing.image_id, showing.showing] for showing in showings],
        "images": items,
        "scales": SCALES,
    }
    templates = PACKAGE / "release" / "templates"
    script = "".join((templates / name).read_text(encoding="utf-8") for name in SCRIPTS)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return render(
        "release/templates/audit.html",
        title="Audit of captions",
        data=data,
        script=Markup(script),  # noqa: S704 - files of the package
        policy=f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'",
        candidate=candidate.sha256,
        rater=RATER.strip("^$"),
        repeats=len(showings) - len(items),
        images=len(items),
        places=len(showings),
        withheld=withheld,
        scales=ANCHORS,
    )


def shown_of(project: Project, sources: SourcePictures, pair: Mapping[str, Any]) -> Item:
    """What the page shows of an image: caption, facts, picture, boxes in shares of its sides, land cover."""
    row = sources.row(pair["image_id"])
    try:
        picture = sources.read(pair["image_id"])
        mask = squashed_mask(project.root, row, find_entry(project, pair["corpus"]), MASK_SIDE)
    except Unusable as error:
        raise ArtefactError(
            f"the image cannot be read any more ({error})",
            where=row["path"],
            way_out=f"restore it, or run `sartext corpus {pair['corpus']}` again",
        ) from error
    height, width = picture.shape[:2]
    labels = sorted({box["label"] for box in row["objects"]})
    classes = [kind.label for kind in find_entry(project, pair["corpus"]).classes]
    cover = [region["label"] for region in row["regions"] if region["zone"] == "image"]
    colours = {
        label: COLOURS[place % len(COLOURS)] for place, label in enumerate(dict.fromkeys([*labels, *cover]))
    }
    facts = from_json(pair["facts"])
    return {
        "caption": pair["caption"],
        "facts": _told(facts),
        "width": width,
        "height": height,
        "picture": _picture(picture),
        "boxes": [_box(box, width, height, colours) for box in row["objects"]],
        "mask": None if mask is None else _mask(mask, [colours.get(label) for label in classes]),
        "legend": [[label, colours[label], _amount(row, label)] for label in colours],
        "zones": bool(cover),
    }


def _told(facts: Facts) -> list[str]:
    statements = [statement.words for statement in statements_of(facts)]
    return list(dict.fromkeys([*statements, *facts.statements]))


def _box(box: Mapping[str, Any], width: int, height: int, colours: Mapping[str, str]) -> list[Any]:
    corners = (box["xmin"] / width, box["ymin"] / height, box["xmax"] / width, box["ymax"] / height)
    return [colours[box["label"]], *(round(corner, 4) for corner in corners)]


def _amount(row: Mapping[str, Any], label: str) -> str:
    """How many objects of a class are annotated, or its share of the picture."""
    shares = [
        region["fraction"] for region in row["regions"] if (region["zone"], region["label"]) == ("image", label)
    ]
    if not shares:
        return str(sum(box["label"] == label for box in row["objects"]))
    return f"{shares[0]:.0%}" if shares[0] >= 0.005 else "under 1%"


def _picture(pixels: Pixels) -> str:
    image = Image.fromarray(pixels)
    image.thumbnail((LARGEST, LARGEST), Image.Resampling.LANCZOS)
    if max(image.size) <= LOSSLESS:
        return _embedded(image, "png", optimize=True)
    return _embedded(image, "jpeg", quality=QUALITY)


def _mask(codes: Pixels, colours: Sequence[str | None]) -> str:
    """The classes of a mask in their colours; classes that the annotation does not name are clear."""
    palette = np.zeros((256, 4), dtype=np.uint8)
    for code, colour in enumerate(colours[:MASK_UNKNOWN]):
        if colour is not None:
            palette[code] = (*bytes.fromhex(colour[1:]), round(255 * COVERED))
    return _embedded(Image.fromarray(palette[codes]), "png", optimize=True)


def _embedded(image: Image.Image, form: str, **settings: Any) -> str:  # noqa: ANN401 - of Pillow
    stream = io.BytesIO()
    image.save(stream, form, **settings)
    return f"data:image/{form};base64,{base64.b64encode(stream.getvalue()).decode()}"


ANCHORS = {
    "correctness": (
        "Is what it says true of the image?",
        (
            "Wrong: what it mainly says is false.",
            "Mostly wrong: a main statement is false.",
            "Mixed: a count, place or share is clearly off.",
            "Nearly right: a detail is slightly off.",
            "Right: everything it says holds.",
        ),
    ),
    "completeness": (
        "Does it say what matters in the image?",
        (
            "Misses all that matters.",
            "Misses most of what matters.",
            "Misses something that matters.",
            "Misses only a minor thing.",
            "Says all that matters.",
        ),
    ),
    "fluency": (
        "Is it good English?",
        (
            "Cannot be understood.",
            "Hard to understand.",
            "Understandable, with clear mistakes.",
            "Good, but stiff or with a slip.",
            "As a careful person would write it.",
        ),
    ),
}
"""What the scales ask, and what each of 1 to 5 means."""
