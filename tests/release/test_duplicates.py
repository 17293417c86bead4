"""What counts as a duplicate, and what does not."""

import errno
import io
import os
from functools import partial

import imagehash
import numpy as np
import pytest
from PIL import Image

from sartext.catalogue.loading import find_entry
from sartext.config import NearDuplicateParameters, Project
from sartext.errors import ArtefactError
from sartext.release.splits import likeness
from sartext.release.splits.duplicates import (
    Subject,
    difference,
    find_near,
    read_duplicates,
    thumbnail_of,
    write_duplicates,
)
from sartext.release.splits.likeness import close_pairs, correlations, window_hashes
from tests.release.indexed import Pixels, boxes, image_row, make_project, scene

NEAR = NearDuplicateParameters.model_validate({})


def as_jpeg(pixels: Pixels, quality: int) -> Pixels:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=quality)
    return np.asarray(Image.open(stream))


def near(tmp_path, rows) -> tuple[set[tuple[str, str]], int]:
    """The near-duplicates among rows of an index, and how many images have no contrast."""
    subjects = [Subject("c", row) for row in rows]
    pairs, flat = find_near(tmp_path, subjects, {"c": find_entry(Project(tmp_path), "c")}, NEAR)
    return {(pair.first, pair.second) for pair in pairs}, flat


def near_ids(tmp_path, pictures: dict[str, Pixels]) -> set[tuple[str, str]]:
    project = make_project(tmp_path, {"c": {}})
    rows = [image_row(project, f"c/{name}", pixels) for name, pixels in sorted(pictures.items())]
    return near(tmp_path, rows)[0]


@pytest.mark.parametrize("side", [64, 100, 300])
@pytest.mark.parametrize("shift", [(0, 1), (1, 1), (2, 0), (2, 1), (2, 2)])
def test_a_scene_shifted_by_one_or_two_pixels_is_near(tmp_path, side, shift):
    whole, (rows, columns) = scene(3, side + 8), shift
    first, second = whole[:side, :side], whole[rows : rows + side, columns : columns + side]
    assert near_ids(tmp_path, {"a": first, "b": second}) == {("c/a", "c/b")}


CHANGES = {
    "gain and offset": lambda image: np.clip(image * 0.7 + 10, 0, 255).astype(np.uint8),
    **{f"JPEG of quality {quality}": partial(as_jpeg, quality=quality) for quality in (95, 75, 50)},
    "resizing": lambda image: np.asarray(Image.fromarray(image).resize((180, 180), Image.Resampling.BICUBIC)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_leaves_an_image_near(tmp_path, change):
    image = scene(6, 256 if change == "resizing" else 128)
    assert near_ids(tmp_path, {"a": image, "b": CHANGES[change](image)}) == {("c/a", "c/b")}


def chip(seed: int) -> Pixels:
    """A ship in the middle of the picture whose scatterers are all finer than what the hash sees.

    The hash is made of a picture 32 pixels wide: what has more than 24 periods is averaged away.
    """
    ship = np.zeros((64, 64))
    ship[26:38, 20:44] = 1
    frequencies = np.fft.fft2(np.random.default_rng(seed).normal(size=(64, 64)))
    high = np.abs(np.fft.fftfreq(64)) * 64 > 24
    fine = np.fft.ifft2(frequencies * (high[:, None] & high[None, :])).real
    swell = np.random.default_rng(0).normal(size=(16, 16))
    coarse = np.asarray(Image.fromarray(swell).resize((64, 64), Image.Resampling.BICUBIC))
    return np.clip(100 + 60 * ship + 12 * coarse + 40 * fine / fine.std(), 0, 255).astype(np.uint8)


def test_different_ships_with_the_same_hash_are_not_near(tmp_path):
    first, second = chip(2), chip(3)
    hashes, others = thumbnail_of(first).hashes, thumbnail_of(second).hashes
    assert np.bitwise_count(hashes[0] ^ others).min() == 0
    assert near_ids(tmp_path, {"a": first, "b": second}) == set()


def test_unlike_scenes_are_not_near(tmp_path):
    assert near_ids(tmp_path, {str(seed): scene(seed) for seed in range(40)}) == set()


def test_constant_images_are_never_near_duplicates(tmp_path):
    """Black tiles of different places have nothing to correlate; identical ones are exact duplicates anyway."""
    project = make_project(tmp_path, {"c": {}})
    tiles = [np.full((64, 64), level, np.uint8) for level in (0, 0, 7, 255)]
    tiles[1][0, 0] = 1
    assert near(tmp_path, [image_row(project, f"c/{at}", tile) for at, tile in enumerate(tiles)]) == (set(), 4)


def test_images_of_different_modality_are_never_compared(tmp_path):
    project = make_project(tmp_path, {"c": {}})
    rows = [image_row(project, "c/a", scene(1)), image_row(project, "c/b", scene(1), modality="optical")]
    assert near(tmp_path, rows) == near(tmp_path, []) == (set(), 0)


def test_an_image_that_is_gone_since_it_was_indexed_is_named(tmp_path):
    project = make_project(tmp_path, {"c": {}})
    row = image_row(project, "c/a", scene(1))
    (tmp_path / row["path"]).unlink()
    with pytest.raises(ArtefactError, match=r"data/c/a\.png.*sartext corpus c"):
        near(tmp_path, [row])


def test_full_disk_is_an_error_before_any_image_is_read(tmp_path, monkeypatch):
    def refuse(handle, offset, length):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", refuse)
    with pytest.raises(ArtefactError, match=r"no space left on the disk.*free some space"):
        near_ids(tmp_path, {"a": scene(1), "b": scene(2)})
    assert list((tmp_path / "build").iterdir()) == []


def test_correlation_of_whole_pixel_shifts_equals_the_definition():
    whole = thumbnail_of(scene(4)).pixels.astype(float)
    first, second = whole, np.roll(whole, (2, -3), axis=(0, 1))
    window = first[4:60, 4:60] - first[4:60, 4:60].mean()
    best = -1.0
    for row in range(-4, 5):
        for column in range(-4, 5):
            other = second[4 + row : 60 + row, 4 + column : 60 + column]
            other = other - other.mean()
            best = max(best, float((window * other).sum() / np.sqrt((window**2).sum() * (other**2).sum())))
    pixels = first[None].astype(np.uint8)
    figure = correlations(pixels, second[None].astype(np.uint8))[0]
    assert figure == pytest.approx(best, abs=1e-6) == pytest.approx(1, abs=1e-6)
    assert correlations(pixels, 255 - pixels)[0] < 0.5


def test_correlation_does_not_depend_on_what_else_is_compared():
    thumbnails = np.stack([thumbnail_of(scene(seed)).pixels for seed in range(300)])
    together = correlations(thumbnails[:-1], thumbnails[1:])
    alone = [correlations(thumbnails[at : at + 1], thumbnails[at + 1 : at + 2])[0] for at in (0, 17, 298)]
    assert [together[at] for at in (0, 17, 298)] == alone


@pytest.mark.parametrize("banded_from", [0, 10_000])
@pytest.mark.parametrize("limit", [0, 4, 8, 11, 12, 32])
def test_every_close_pair_of_hashes_is_proposed_once(monkeypatch, limit, banded_from):
    monkeypatch.setattr(likeness, "_BANDED_FROM", banded_from)
    random = np.random.default_rng(limit)
    hashes = random.integers(0, 2**64, size=(600, 3), dtype=np.uint64)
    for at in range(300, 600):
        for window in range(3):
            flips = random.choice(64, size=random.integers(0, 14), replace=False)
            hashes[at, window] = hashes[at - 300, 0] ^ np.uint64(sum(1 << int(bit) for bit in flips))
    hashes[10:200] = hashes[0, 0]
    expected = set()
    for early in range(600):
        counts = np.bitwise_count(hashes[early, 0] ^ hashes[early + 1 :])
        expected |= {(early, early + 1 + int(late)) for late in np.flatnonzero(counts.min(axis=1) <= limit)}
    proposed = [tuple(pair) for block in close_pairs(hashes, limit) for pair in block[:, :2].tolist()]
    assert len(proposed) == len(set(proposed))
    assert set(proposed) == expected


def test_the_hash_is_the_one_of_imagehash():
    for seed in range(20):
        thumbnail = Image.fromarray(scene(seed, 64))
        middle = thumbnail.resize((34, 34), Image.Resampling.LANCZOS).crop((1, 1, 33, 33))
        assert f"{int(window_hashes(thumbnail)[0]):016x}" == str(imagehash.phash(middle))


def test_annotations_of_identical_images_are_compared_by_what_the_facts_would_say():
    cover = [{"label": "water", "zone": "image", "fraction": 0.4, "largest_component": 9}]
    same = {"objects": boxes("ship", "ship"), "regions": [], "scene_class": None}
    others = {
        "": {**same, "objects": boxes("ship", "ship")[::-1]},
        "labels": {**same, "objects": boxes("ship")},
        "boxes": {**same, "objects": boxes("ship", "ship", shift=1)},
        "regions": {**same, "regions": cover},
    }
    assert [difference(same, other) for other in (same, *others.values())] == ["", *others]
    assert difference(same, {**same, "scene_class": "harbour"}) == "labels"


def test_the_table_of_duplicates_reads_back(tmp_path):
    rows = [
        {"kind": "near", "image_id": "c/b", "duplicate_of": "c/a", "correlation": "0.9600", "hash_distance": 4},
        {"kind": "exact", "image_id": 'c/a "1", x', "duplicate_of": "c/0", "differs": "boxes"},
    ]
    write_duplicates(tmp_path / "d.csv", rows)
    listed = [(row["kind"], row["image_id"]) for row in read_duplicates(tmp_path / "d.csv")]
    assert listed == [("exact", 'c/a "1", x'), ("near", "c/b")]
    with pytest.raises(ArtefactError, match="sartext splits"):
        read_duplicates(tmp_path / "absent.csv")
