"""The files of a folder that nobody described, in groups with the glob that finds each."""

import pytest

from sartext.corpora.layout import survey
from sartext.corpora.listing import Lookup


@pytest.fixture
def grouped(tmp_path):
    def group(*files):
        for file in files:
            place = tmp_path / file
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(b"")
        return {found.glob: found for found in survey(tmp_path).groups}

    return group


def test_every_group_is_what_its_glob_finds(grouped, tmp_path):
    found = grouped("a/1.png", "a/2.png", "b/1.xml", "notes.txt", "a/train/3.jpg", "a/test/4.jpg")
    assert set(found) == {"a/*.png", "b/*.xml", "*.txt", "a/*/*.jpg"}
    for glob, group in found.items():
        assert sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.glob(glob)) == list(group.files)


@pytest.mark.parametrize("folders", [("train", "val", "test"), ("trainA", "testA"), ("sar_train", "sar_test")])
def test_folders_of_splits_are_one_group_that_knows_its_splits(grouped, folders):
    (group,) = grouped(*(f"{folder}/{folder}-1.png" for folder in folders)).values()
    assert len(group.splits) == len(folders)
    assert not group.by_folder


def test_folders_of_classes_are_one_group_by_folder(grouped):
    classes = ("forest", "water", "farm")
    (group,) = grouped(*(f"data/{name}/{name}_{number}.png" for name in classes for number in range(2))).values()
    assert (group.glob, group.by_folder, group.folders) == ("data/*/*.png", True, ("farm", "forest", "water"))


def test_folders_with_the_same_names_are_images_masks_and_optical_halves(grouped):
    assert len(grouped(*(f"{folder}/{number}.png" for folder in ("s1", "s2", "mask") for number in range(3)))) == 3


def test_folders_of_scenes_are_one_group_for_each_kind(grouped):
    names = ("s1", "labels")
    files = (f"scene-{scene}/{name}/{scene}{number}.tif" for scene in "abc" for name in names for number in (1, 2))
    assert set(grouped(*files)) == {"*/s1/*.tif", "*/labels/*.tif"}


def test_kinds_side_by_side_are_told_apart_by_how_their_names_begin_or_end(grouped):
    assert set(grouped(*(f"{kind}{number}.png" for kind in ("sar", "opt") for number in range(4)))) == {
        "sar*.png",
        "opt*.png",
    }


def test_polarisations_side_by_side_are_told_apart_by_how_their_names_end(grouped):
    assert set(grouped(*(f"{number}_{band}.tif" for band in ("HH", "HV") for number in range(4)))) == {
        "*_HH.tif",
        "*_HV.tif",
    }


def test_hidden_files_and_those_of_macos_are_none(grouped):
    assert set(grouped("1.png", ".DS_Store", "__MACOSX/1.png", ".git/config")) == {"*.png"}


@pytest.mark.parametrize(
    ("name", "paths", "found"),
    [
        ("a.1", ["a.png", "a.1.png"], ["a.1.png"]),
        ("a.1.xml", ["a.png", "a.1.png"], ["a.1.png"]),
        ("a.png", ["a.png", "a.png.tif"], ["a.png"]),
        ("a.xml", ["a.png", "a.1.png"], ["a.png"]),
        ("x/a.1", ["x/a.1.png", "y/a.1.png"], ["x/a.1.png"]),
        ("a.1", ["x/a.1.png", "y/a.1.png"], ["x/a.1.png", "y/a.1.png"]),
    ],
)
def test_a_dot_in_a_name_is_not_taken_for_its_extension(name, paths, found):
    assert Lookup(paths).find(name) == found
