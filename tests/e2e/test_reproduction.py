"""Anyone builds a release again: to the byte on the same kind of machine, and with its models anywhere."""

import json
import shutil
from pathlib import Path

import pytest
import yaml

from sartext.files import sha256_tree
from tests.e2e.conftest import Checkout, copied
from tests.release.sealing import reseal

pytestmark = pytest.mark.e2e

TRAINED = ("clip-optical", "clip-sar", "coca-optical", "coca-sar", "grounder")


def release_of(checkout: Checkout) -> Path:
    return checkout.root / str(checkout.publication()["path"])


def trainings(folder: Path) -> list[str]:
    """The trainings that were run in a folder."""
    return sorted(path.stem.partition("@")[2] for path in (folder / "build/log").glob("checkpoint@*.json"))


def captioned_by_models(folder: Path) -> bool:
    """Whether models calibrated or captioned in a folder."""
    names = ("calibration", "narrated@sim-unlabelled", "optical-captions@sim-pairs")
    return any((folder / "build/log" / f"{name}.json").exists() for name in names)


def test_a_release_holds_what_depends_on_the_machine(trained: Checkout) -> None:
    held = sha256_tree(release_of(trained) / "provenance/build")
    for name in (*(f"checkpoint/{name}" for name in TRAINED), "calibration", "narrated/sim-unlabelled"):
        made = {f"{name}/{path}": digest for path, digest in sha256_tree(trained.root / "build" / name).items()}
        assert made and made.items() <= held.items(), name
    manifest = json.loads((release_of(trained) / "MANIFEST.json").read_text())
    assert {"calibration", "narrated@sim-unlabelled", *(f"checkpoint@{name}" for name in TRAINED)} <= set(
        manifest["machine_dependent"]
    )


def test_a_release_is_built_again_to_the_byte_in_another_place_zone_and_language(
    trained: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"TZ": "Asia/Kathmandu", "LC_ALL": "C", "OMP_NUM_THREADS": "3"}.items():
        monkeypatch.setenv(name, value)
    target = tmp_path / "a place" / "again"
    done = trained.run("sartext", "release", "reproduce", str(release_of(trained)), "--to", str(target))
    assert "every byte the same" in done.stdout
    assert trainings(target) == sorted(TRAINED)


def test_with_its_models_nothing_is_trained_and_every_byte_is_the_same(trained: Checkout, tmp_path: Path) -> None:
    release = str(release_of(trained))
    target = tmp_path / "again"
    done = trained.run("sartext", "release", "reproduce", release, "--to", str(target), "--with-models")
    assert "every byte the same" in done.stdout
    assert trainings(target) == [] and not captioned_by_models(target)


def test_what_came_out_otherwise_is_named_down_to_the_row(trained: Checkout, tmp_path: Path) -> None:
    forged = tmp_path / "1.0.0"
    shutil.copytree(release_of(trained), forged)
    for item in [forged, *forged.rglob("*")]:
        item.chmod(0o755)
    path = next((forged / "csv").glob("train.csv"))
    path.write_text(path.read_text().replace("ship", "boat", 1))
    reseal(forged)
    done = trained.run(
        "sartext", "release", "reproduce", str(forged), "--to", str(tmp_path / "again"), check=False
    )
    assert done.returncode == 1 and "csv/train.csv" in done.stderr, (
        "a release that contradicts itself is not built"
    )
    assert not (tmp_path / "again").exists()


def test_a_second_clone_pulls_weights_from_a_shared_remote_instead_of_training(
    trained: Checkout, tmp_path: Path
) -> None:
    first = copied(trained, tmp_path / "first")
    first.run("dvc", "remote", "add", "--default", "shared", str(tmp_path / "remote"))
    first.run("dvc", "push", "--run-cache", "--quiet")
    second = copied(first, tmp_path / "second", "build", "releases", "cache", "tmp", ".dagster", "data")
    assert not (second.root / "build").exists() and not (second.root / ".dvc/cache").exists()
    second.run("dvc", "pull", "--run-cache", "--quiet", "--allow-missing")
    second.run("orchestration", "release")
    assert trainings(second.root) == []
    assert second.content_hash() == trained.content_hash()


def test_a_new_corpus_is_captioned_and_published_with_pinned_checkpoints(
    trained: Checkout, tmp_path: Path
) -> None:
    checkout = copied(trained, tmp_path)
    content = checkout.parameters()
    held = release_of(checkout).relative_to(checkout.root) / "provenance/build/checkpoint"
    pins = {name: (held / name).as_posix() for name in TRAINED if name != "clip-optical"}
    corpora = {**content["corpora"], "more": {"catalogue": "catalogue/more.yaml"}}
    entry = yaml.safe_load((checkout.root / "src/sartext/catalogue/sim-ships.yaml").read_text())
    (checkout.root / "catalogue/more.yaml").write_text(yaml.safe_dump({**entry, "name": "more"}))
    shutil.copytree(checkout.root / "data/sim-ships", checkout.root / "data/more")
    checkout.set_parameters(
        {
            **content,
            "corpora": corpora,
            "captions": [*content["captions"], "more"],
            "pinned": pins,
            "checkpoints": {},
        }
    )
    checkout.run("sartext", "corpora", "pin")
    before = release_of(checkout)
    checkout.run("orchestration", "release")
    assert release_of(checkout) != before
    assert sha256_tree(checkout.root / "build/checkpoint/coca-sar") == sha256_tree(
        before.parents[2] / held / "coca-sar"
    )
    assert not any((checkout.root / "build/resume").glob("*"))
