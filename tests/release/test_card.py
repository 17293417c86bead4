"""The dataset card: a header that Hugging Face reads, and tables that agree with the release."""

import os
import re
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from sartext.files import write_json
from sartext.release.formats.parquet import COLUMNS, SCHEMA
from tests.models.making import tiny_config
from tests.processes import completed
from tests.release.built import Built


def parts(folder: Path) -> tuple[dict[str, Any], str]:
    """Header and body of the card of a published release."""
    _, header, body = (folder / "README.md").read_text().split("---\n", 2)
    return yaml.safe_load(header), body


def card(built: Built) -> tuple[dict[str, Any], str]:
    return parts(built.root / built.publish()["path"])


def test_the_header_says_what_hugging_face_asks_for(published: Path) -> None:
    header, _ = parts(published)
    assert header["pretty_name"] == "SAR-Text"
    assert header["language"] == ["en"]
    assert header["size_categories"] == ["n<1K"]
    assert "image-to-text" in header["task_categories"]
    assert [entry["name"] for entry in header["dataset_info"][0]["features"]] == SCHEMA.names
    assert header["configs"][0]["data_files"][0] == {"split": "train", "path": "data/train-*.parquet"}
    assert (header["license"], header["license_link"]) == ("other", "LICENSES.csv"), "there are several"


def test_the_tables_agree_with_the_release_and_explain_every_column(published: Path) -> None:
    _, body = parts(published)
    assert "| The alpha ships (`alpha`) | Sentinel-1 | 18 | 6 | 6 | 30 | 30 |" in body
    assert "| The beta ships (`beta`) | Sentinel-1 | 6 | 2 | 2 | 10 | 0 |" in body
    assert "| `alpha` | CC-BY-4.0 | citation, share-alike | yes | 30 |" in body
    assert "| `beta` | not-stated | unknown | no | 0 |" in body
    assert "10 images are withheld" in body
    assert "The authors of alpha, 2026. https://example.org/alpha" in body
    assert "sartext release verify" in body
    assert all(f"| `{name}` | {meaning} |" in body for name, meaning in COLUMNS.items())


def test_what_does_not_apply_is_not_told(published: Path) -> None:
    _, body = parts(published)
    assert "SHA-256 of its weights" not in body
    assert "benchmarks" not in body.split("## Licences")[0].split("## Intended use")[1]
    assert "simulated" not in body


def test_a_single_licence_is_named_and_an_empty_split_is_not_promised(built: Built) -> None:
    built.set_pairs(
        lambda rows: [row for row in rows if row["corpus"] == "alpha" and row["split"] != "validation"]
    )
    header, body = card(built)
    assert header["license"] == "cc-by-4.0"
    assert "license_name" not in header
    assert [entry["split"] for entry in header["configs"][0]["data_files"]] == ["train", "test"]
    assert "| train | test | pairs |" in body


def test_three_captions_are_shown_the_first_of_each_method_and_a_cell_cannot_break_a_table(built: Built) -> None:
    built.set_pair(0, caption="x|y\nz")
    built.set_pair(7, method="sa2c")
    _, body = card(built)
    examples = body.split("Examples:")[1].split("## Use")[0]
    assert "| `alpha/0000` | `a2c` | x\\|y z |\n" in examples
    assert f"| `alpha/0007` | `sa2c` | {built.pairs()[7]['caption']} |" in examples
    assert examples.count("| `alpha/") == 3


def test_the_models_and_what_they_wrote_and_the_benchmarks_are_named(built: Built) -> None:
    narrated = {"method": "narrator", "model_sha256": "cd" * 32, "score": 0.9, "source_caption": "ships ."}
    built.set_pairs(lambda rows: [{**row, **(narrated if row["split"] == "train" else {})} for row in rows])
    built.set_pair(4, benchmark="alpha-test")
    _, body = card(built)
    assert f"| `narrator` | `{'cd' * 32}` | 24 |" in body
    assert "in the train split only" in body
    assert "Images of the benchmarks (alpha-test) are in the test split only." in body


def test_facts_that_prove_a_quotation_alone_are_told_as_that(built: Built) -> None:
    assert "proves the quotation" not in card(built)[1]
    built.set_pair(0, method="optical-rules", source_caption="a green lake .")
    body = card(built)[1]
    assert body.count("proves the quotation and not its truth") == 1
    assert "\n\n| Method | Made | Captions |" in body


def test_simulated_images_are_called_simulated_in_the_first_paragraph(built: Built) -> None:
    simulated = {"sensor": "simulated SAR"}
    built.set_pairs(lambda rows: [{**row, **(simulated if row["corpus"] == "beta" else {})} for row in rows])
    _, body = card(built)
    assert "The images of beta are simulated, not acquired" in body.split("\n\n")[1]
    built.set_pairs(lambda rows: [{**row, **simulated, "source_url": "not-applicable"} for row in rows])
    _, body = card(built)
    assert "These images are simulated, not acquired" in body.split("\n\n")[1]
    assert "not-applicable" not in body


@pytest.mark.slow
def test_a_stranger_extracts_and_trains_by_the_commands_of_the_card(built: Built, tmp_path: Path) -> None:
    """The commands as they are; a smaller model is named behind them, which needs no network."""
    _, body = card(built)
    commands = re.findall(r"```\n(sartext release extract .*?)```", body, re.S)[0]
    extracting, entering, training = commands.splitlines()
    vision = {"image_size": 32, "layers": 1, "width": 16, "head_width": 8, "patch_size": 16}
    tiny = {"model_cfg": tiny_config("clip", vision), "preprocess_cfg": {}}
    write_json(tmp_path / "tiny/open_clip_config.json", tiny)
    (tmp_path / "path/to").mkdir(parents=True)
    (tmp_path / "path/to/sar-text").symlink_to(built.root / "releases/sar-text")

    def run(command: str, folder: Path, *more: str) -> str:
        program = shlex.split(command)
        arguments = [*(program[1:] if program[0] == "python" else ["-m", *program]), *more]
        environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
        done = completed(sys.executable, *arguments, cwd=folder, env=environment)
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout + done.stderr

    run(extracting, tmp_path)
    folder = tmp_path / entering.removeprefix("cd ")
    small = ["--model", f"local-dir:{tmp_path / 'tiny'}", "--batch-size", "4", "--epochs", "1", "--workers", "0"]
    output = run(training, folder, *small)
    assert "Train Epoch: 0 [16/18" in output, "the images of alpha that are in train"
    assert "Eval Epoch: 1" in output
