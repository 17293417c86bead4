"""What the tests of captioning share: a model that knows six pictures, and a folder of such."""

import pytest

from sartext.config import Project
from tests.processes import built_once
from tests.training.mini import mini_project_of

from .narrating import narrating_project
from .tiny_models import SENTENCES, caption, marked, rows_of, small_coca, write_png


@pytest.fixture(scope="session")
def coca(tmp_path_factory):
    """A CoCa's checkpoint that says the sentences of the marked pictures."""
    return built_once(tmp_path_factory, "small-coca", small_coca) / "coca"


@pytest.fixture(scope="session")
def narrating(tmp_path_factory):
    """A project whose narrator tells its validation images truly; only what narration writes of it changes."""
    mini = mini_project_of(tmp_path_factory)
    return Project(built_once(tmp_path_factory, "narrating", lambda root: narrating_project(mini, root)))


@pytest.fixture
def folder(tmp_path):
    """A folder with one picture of each sentence."""
    for place, key in enumerate(SENTENCES):
        write_png(tmp_path / "in" / f"{key[1]}-{key[0]}.png", marked(*key, seed=50 + place))
    return tmp_path / "in"


@pytest.fixture
def captioned(folder, coca, tmp_path):
    """Captions that folder to a file of some name; returns the summary and the file's rows."""

    def caption_folder(name="out.csv", **options):
        done, _ = caption([folder], coca, tmp_path / name, **options)
        return done, rows_of(tmp_path / name)

    return caption_folder
