"""Recipe: a new release format is a file with its entry, a line where the formats are listed, and a test."""

import json

import pytest
import yaml

from tests.release.built import Built, build, passed_verdict
from tests.release.sealing import reseal

CODE = '''
"""Captions as plain text, a line per pair."""

from sartext.files import write_text
from sartext.release.formats.format import Format


def lines_of(pairs):
    """Return a line per caption, in the order of the ids."""
    return "".join(f"{pair['caption']}\\\\n" for pair in pairs)


def write(material, folder, parameters):
    """Write ``text/captions.txt``."""
    write_text(folder / "text/captions.txt", lines_of(material.pairs))


def verify(folder, pairs):
    """Return the file where its lines are not the captions of the pairs."""
    wanted = lines_of({"caption": pairs[name].caption} for name in sorted(pairs))
    same = (folder / "text/captions.txt").read_text() == wanted
    return {} if same else {"text/captions.txt": "its lines are not the captions"}


FORMAT = Format(
    name="made-up",
    description="Captions as plain text",
    patterns=("text/*.txt",),
    subject="file",
    write=write,
    verify=verify,
    extracted=True,
    section="## As text\\\\n\\\\nOne caption per line.\\\\n",
)
'''.replace("\\\\n", "\\n")

REGISTRY = "release/formats/__init__.py"


@pytest.fixture
def project(scratch):
    """A candidate that passed the gate, and the recipe followed in the package beside it."""
    scratch.write("release/formats/made_up.py", CODE)
    scratch.add_line(REGISTRY, "import chat, coco", "from sartext.release.formats import made_up")
    scratch.add_line(REGISTRY, "        llava_vqa.FORMAT,", "made_up.FORMAT,")
    assert scratch.edited() == {REGISTRY}
    built = build(scratch.project)
    built.parameters(release={"formats": ["parquet", "made-up"], "rows_per_file": 10})
    passed_verdict(built)
    return built


def published(scratch):
    for command in ("assemble", "publish"):
        done = scratch.run("release", command)
        assert done.returncode == 0, done.stderr
    return scratch.project / "releases/sar-text/1.0.0"


def test_a_new_format_is_written_listed_extracted_and_on_the_card(scratch, project: Built):
    release = published(scratch)
    text = release / "text/captions.txt"
    assert text.read_text().splitlines() == [row["caption"] for row in project.pairs()]
    assert "text/captions.txt" in json.loads((release / "MANIFEST.json").read_text())["files"]
    assert "## As text\n\nOne caption per line.\n" in (release / "README.md").read_text()
    verified = scratch.run("release", "verify", str(release))
    assert verified.returncode == 0, verified.stderr
    assert "made-up" in verified.stdout
    extracted = scratch.run("release", "extract", str(release), "--to", str(scratch.project / "files"))
    assert extracted.returncode == 0, extracted.stderr
    assert (scratch.project / "files/text/captions.txt").read_bytes() == text.read_bytes()


def test_a_new_format_is_verified_behind_a_fitting_manifest(scratch, project: Built):
    release = published(scratch)
    text = release / "text/captions.txt"
    text.chmod(0o644)
    text.write_text(text.read_text().replace("ship", "boat", 1))
    reseal(release)
    verified = scratch.run("release", "verify", str(release))
    assert verified.returncode == 1
    assert "text/captions.txt: its lines are not the captions" in verified.stderr


def test_an_unknown_format_is_refused_before_anything_is_written(scratch, project: Built):
    content = yaml.safe_load((scratch.project / "params.yaml").read_text())
    project.parameters(release={**content["release"], "formats": ["parquet", "mad-up"]})
    done = scratch.run("release", "assemble")
    assert done.returncode == 1
    assert "no release format 'mad-up'; did you mean 'made-up'?" in done.stderr
    assert not (scratch.project / "build/release").exists()
    assert "no release format 'mad-up'" in scratch.run("doctor").stdout, "told before a build, too"
