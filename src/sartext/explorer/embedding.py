"""``sartext release embed``: a release's images, and sentences that people may look for, as a model sees them."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from sartext.corpora.images import decode
from sartext.errors import ReleaseError
from sartext.evaluation.embedding import embed_images, embed_texts
from sartext.explorer.pictures import row_groups, rows_of
from sartext.explorer.released import Release
from sartext.explorer.vectors import IMAGES, SENTENCES, Embedded, write_vectors
from sartext.models.checkpoint import load
from sartext.models.squashing import Pixels
from sartext.progress import track

MOST_SENTENCES = 2000
"""Captions that are embedded as sentences, the most frequent ones."""


def embed(release: Path, model: Path, target: Path, *, device: str = "cpu") -> dict[str, object]:
    """Write ``images.parquet`` and ``sentences.parquet`` of a release into a folder, see `vectors`.

    Args:
        release: the folder of a published release.
        model: the folder of a model that open_clip reads.
        target: the folder, outside the release.
        device: where the model runs.

    Raises:
        ReleaseError: the release is damaged or holds no image, or the folder lies in it.
        ModelError: the model cannot be loaded.
    """
    source = Release(release)
    source.require_outside(target)
    network = load(model, device=device)
    ids: list[str] = []
    captions: Counter[str] = Counter()
    images = embed_images(network, _pictures(source, ids, captions))
    common = sorted(captions, key=lambda caption: (-captions[caption], caption))[:MOST_SENTENCES]
    texts, cut = embed_texts(network, common)
    made_by = str(network.sha256)
    write_vectors(target / IMAGES, "image_id", Embedded(ids, images.numpy(), made_by))
    write_vectors(target / SENTENCES, "sentence", Embedded(common, texts.numpy(), made_by))
    return {"images": len(ids), "sentences": len(common), "cut": cut, "model_sha256": made_by, "path": str(target)}


def _pictures(source: Release, ids: list[str], captions: Counter[str]) -> Iterator[Pixels]:
    """Yield the pictures that a release holds, noting the ids of them and the captions of all."""
    groups = row_groups(source.tables)
    for group in track(groups, "groups of images", len(groups)):
        for row in rows_of(group, ["image_id", "image", "caption"]):
            captions[row["caption"]] += 1
            if row["image"] is not None:
                ids.append(row["image_id"])
                yield decode(row["image"]["bytes"])
    if not ids:
        raise ReleaseError(
            "holds no image: all are withheld", where=source.folder, way_out="embed another release"
        )
