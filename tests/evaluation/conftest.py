"""A small published release and tiny models, shared by the tests of what is scored on it."""

import pytest
import torch

from sartext.models.checkpoint import save
from sartext.vqa.question import Question, read_splits
from tests.evaluation.released import AT_HAND, CommandLine, Models, Pairs, Published, published
from tests.models.gpt.making import tower


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Published:
    """A published release of 50 images; only to be read."""
    return published(tmp_path_factory.mktemp("released") / "project")


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Models:
    """The folders of a tiny CLIP and a tiny CoCa, as open_clip reads them; only to be read."""
    torch.set_num_threads(1)
    root = tmp_path_factory.mktemp("models")
    for kind in ("clip", "coca"):
        save(tower(kind), root / kind)
    return {kind: root / kind for kind in ("clip", "coca")}


@pytest.fixture
def sartext(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(monkeypatch, capsys)


@pytest.fixture
def evaluate(small: Published, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    """``sartext evaluate`` on the release, where the project's catalogue describes its corpora."""
    return CommandLine(monkeypatch, capsys, "--root", small.built.root, "evaluate", small.release)


@pytest.fixture
def captions(small: Published) -> Pairs:
    """Image ids and captions of the images that can be scored."""
    return sorted(small.captions.items())


@pytest.fixture
def questions(small: Published) -> list[Question]:
    """The questions about the images that can be scored."""
    return [question for question in read_splits(small.release)["test"] if question.image_id in AT_HAND]
