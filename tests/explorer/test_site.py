"""What the explorer writes, without a browser: the same bytes, its refusals, its columns and neighbours."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sartext.errors import ReleaseError
from sartext.explorer.drawing import marks_of
from sartext.explorer.pictures import LARGE, row_groups, shown_groups
from sartext.explorer.released import Release
from sartext.explorer.shards import packed
from sartext.explorer.site import SHARD, explore
from sartext.explorer.vectors import IMAGES, SENTENCES, Embedded, nearest, read_vectors, write_vectors
from sartext.explorer.words import words_of
from sartext.files import sha256_tree
from sartext.narrator.facts import CoverFact, Facts, ObjectFact, PresentFact
from tests.explorer.generated import generate, sealed
from tests.release.built import build


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return generate(tmp_path / "generated" / "1.0.0", 30)


def held(path: Path) -> Any:
    """The value of a script, read as the page's JavaScript would."""
    text = path.read_text(encoding="ascii")
    literal = text[text.index(",") + 2 : text.rindex("'")]
    return json.loads(literal.replace("\\'", "'").replace("\\\\", "\\"))


def cards_of(site: Path) -> dict[str, Any]:
    """The cards of a small site, by id."""
    return {card["id"]: card for path in (site / "data/cards").iterdir() for card in held(path)}


def test_the_same_release_gives_the_same_bytes(small: Path, tmp_path: Path) -> None:
    told = explore(small, tmp_path / "one")
    explore(small, tmp_path / "two")
    assert sha256_tree(tmp_path / "one") == sha256_tree(tmp_path / "two")
    assert (told["images"], told["pictures"]) == (30, 24)


def test_a_release_as_publication_leaves_it_can_be_explored(tmp_path: Path) -> None:
    built = build(tmp_path / "project")
    built.publish()
    told = explore(built.releases / "1.0.0", tmp_path / "site")
    assert (told["images"], told["pictures"]) == (40, 30), "the pictures of one corpus are withheld"
    assert "alpha" in (tmp_path / "site/index.html").read_text()


def test_processes_give_what_one_gives(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    groups = row_groups(Release(small).tables)
    alone = list(shown_groups(groups, LARGE))
    monkeypatch.setattr("sartext.explorer.pictures.SERIAL_BELOW", 1)
    monkeypatch.setattr("sartext.explorer.pictures.AHEAD", 0)
    monkeypatch.setenv("SARTEXT_WORKERS", "2")
    assert list(shown_groups(groups, LARGE)) == alone


def test_a_script_holds_ascii_and_no_text_ends_it(tmp_path: Path) -> None:
    caption = "it's \\ </script> \u2028 \u0633 'x' \\'"
    release = generate(tmp_path / "r" / "1.0.0", 5, changes={0: {"caption": caption}})
    explore(release, tmp_path / "site")
    assert cards_of(tmp_path / "site")["bay/000000"]["caption"] == caption


@pytest.mark.parametrize("name", ["data/train-00000-of-00001.parquet", "ledger.parquet", "quality/gate.json"])
def test_a_changed_file_of_the_release_is_refused(small: Path, tmp_path: Path, name: str) -> None:
    content = bytearray((small / name).read_bytes())
    content[len(content) // 2] ^= 1
    (small / name).write_bytes(content)
    with pytest.raises(ReleaseError, match=r"changed .same size, other bytes."):
        explore(small, tmp_path / "site")
    assert not (tmp_path / "site").exists()


def test_a_link_in_the_release_is_refused(small: Path, tmp_path: Path) -> None:
    (tmp_path / "gate.json").write_bytes((small / "quality/gate.json").read_bytes())
    (small / "quality/gate.json").unlink()
    (small / "quality/gate.json").symlink_to(tmp_path / "gate.json")
    with pytest.raises(ReleaseError, match="a link"):
        explore(small, tmp_path / "site")


def test_it_writes_neither_into_the_release_nor_over_anything(small: Path, tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match="lies in the release"):
        explore(small, small / "site")
    (tmp_path / "site").mkdir()
    (tmp_path / "site/mine.txt").write_text("mine")
    with pytest.raises(ReleaseError, match="not empty"):
        explore(small, tmp_path / "site")


def test_a_folder_that_is_no_release_is_told(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match=r"there is no MANIFEST\.json"):
        explore(tmp_path / "nothing", tmp_path / "site")


def test_facts_are_drawn_where_they_lie() -> None:
    facts = Facts(
        objects=(ObjectFact("ship", "ship", "ships", 26, 25, 1),),
        cover=(CoverFact("water", "water", 0.5, "about half", "upper-left"),),
        present=(PresentFact("bridge", "bridge", "bridges"),),
    )
    assert marks_of(facts) == [
        ("center", "over 20 ships"),
        ("outside", "1 ship outside"),
        ("upper-left", "water: about half"),
        ("whole", "bridges"),
    ]


def test_boxes_of_a_release_are_drawn_in_thousandths(small: Path, tmp_path: Path) -> None:
    instances = {
        "images": [{"id": 7, "file_name": "images/bay/000000.png", "width": 64, "height": 64}],
        "categories": [{"id": 1, "name": "<b>ship</b>"}],
        "annotations": [{"id": 1, "image_id": 7, "category_id": 1, "bbox": [16, 32, 8, 4]}],
    }
    (small / "coco").mkdir()
    (small / "coco/train_instances.json").write_text(json.dumps(instances))
    explore(sealed(small), tmp_path / "site")
    assert cards_of(tmp_path / "site")["bay/000000"]["boxes"] == [["<b>ship</b>", 250, 500, 125, 62]]


def test_numbers_are_as_wide_as_the_largest() -> None:
    assert [packed(np.asarray([largest]))["width"] for largest in (255, 256, 65535, 65536)] == [1, 2, 2, 4]


def test_words_are_letters_and_digits_of_any_script() -> None:
    assert words_of("Two ships, in_the 12-m \u0645\u064a\u0646\u0627\u0621 \ufb01n") == [
        *("two", "ships", "in", "the", "12", "m", "\u0645\u064a\u0646\u0627\u0621", "fin"),
    ]


def test_the_nearest_are_those_of_the_largest_cosine_and_never_itself() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(300, 16)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    rows, cosines = nearest(vectors, vectors, 5, itself=True)
    whole = np.round(vectors @ vectors.T, 3)
    np.fill_diagonal(whole, -2)
    expected = np.argsort(-whole, axis=1, kind="stable")[:, :5]
    assert (rows == expected).all()
    assert np.allclose(cosines, np.take_along_axis(whole, expected, axis=1))


def test_embeddings_bring_alike_images_and_sentences(small: Path, tmp_path: Path) -> None:
    ids = [f"bay/{number:06d}" for number in range(6)]
    angles = np.linspace(0, 1, 6, dtype=np.float32)
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    folder = tmp_path / "embeddings"
    write_vectors(folder / IMAGES, "image_id", Embedded([*ids, "gone/1"], np.vstack([vectors, vectors[:1]]), "ab"))
    write_vectors(folder / SENTENCES, "sentence", Embedded(["a <b>ship</b>"], vectors[:1], "ab"))
    told = explore(small, tmp_path / "site", embeddings=folder)
    assert (told["similar"], told["sentences"]) == (6, 1)
    order = held(tmp_path / "site/data/ids.js")
    at = order.index("bay/000000")
    similar = held(tmp_path / f"site/data/records/{at // SHARD}.js")[at % SHARD]["similar"]
    assert [order[row] for row, _ in similar] == ids[1:], "by the angle between them"


@pytest.mark.parametrize(
    ("ids", "vector", "told"),
    [(["gone/1"], [1.0, 0.0], "holds no image of this release"), (["bay/000000"], [0.0, 0.0], "no direction")],
)
def test_embeddings_that_do_not_fit_are_refused(
    small: Path, tmp_path: Path, ids: list[str], vector: list[float], told: str
) -> None:
    write_vectors(tmp_path / "e" / IMAGES, "image_id", Embedded(ids, np.asarray([vector], dtype=np.float32), "ab"))
    with pytest.raises(ReleaseError, match=told):
        explore(small, tmp_path / "site", embeddings=tmp_path / "e")


def test_vectors_of_a_file_that_holds_none_are_refused(tmp_path: Path) -> None:
    (tmp_path / IMAGES).write_bytes(b"nothing")
    with pytest.raises(ReleaseError, match="holds no embeddings"):
        read_vectors(tmp_path / IMAGES, "image_id")
