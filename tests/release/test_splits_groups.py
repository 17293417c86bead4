"""Who stands where: clusters, groups and splits, and that adding a corpus moves nobody."""

from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sartext.config import SplitParameters
from sartext.release.splits.groups import Assignment, Member, assign, side_of

HALVES = SplitParameters(validation=0.3, test=0.3)


def member(image_id: str, pixels: str = "", scene: str = "", benchmark: str | None = None, modality: str = "sar"):
    return Member(image_id, modality, pixels or image_id, scene or image_id, benchmark)


def placed(corpora, near=(), parameters=HALVES) -> dict[str, Assignment]:
    return {assignment.image_id: assignment for assignment in assign(corpora, near, parameters)}


def names(side: str, count: int, prefix: str = "a") -> list[str]:
    """Ids whose own hash puts them on a side."""
    found = [f"{prefix}/{number:04}" for number in range(1000)]
    return [name for name in found if side_of(name, HALVES) == side][:count]


TRAIN, TEST, VALIDATION = names("train", 3), names("test", 3), names("validation", 3)


def test_the_split_is_the_hash_of_the_group_against_the_shares():
    sides = [side_of(f"c/{number}", SplitParameters(validation=0.1, test=0.2)) for number in range(5000)]
    assert sides.count("test") == pytest.approx(1000, abs=120)
    assert sides.count("validation") == pytest.approx(500, abs=90)
    everything = SplitParameters(validation=0, test=0)
    assert {side_of(f"c/{number}", everything) for number in range(100)} == {"train"}


def test_the_hash_is_the_documented_one():
    """SHA-256 of `salt/id`, its first eight bytes as a number in [0, 1): written down so that nobody moves."""
    sides = [side_of(f"ssdd/{number:06}", SplitParameters.model_validate({})) for number in range(1, 9)]
    assert sides == ["validation", "test", "train", "validation", "train", "train", "train", "validation"]


def test_more_test_images_come_from_validation_first():
    """Test lies below validation: raising the share of test takes no image out of test."""
    small, large = SplitParameters(validation=0.1, test=0.1), SplitParameters(validation=0.1, test=0.2)
    ids = [f"c/{number}" for number in range(500)]
    assert {name for name in ids if side_of(name, small) == "test"} < {
        name for name in ids if side_of(name, large) == "test"
    }


def test_the_first_of_identical_images_stays():
    found = placed([[member("a/1", "p"), member("a/2", "p")], [member("b/0", "p"), member("b/1")]])
    assert found["a/1"].split == side_of("a/1", HALVES)
    assert [found[name].split for name in ("a/2", "b/0")] == [None, None]
    assert [found[name].reason for name in ("a/2", "b/0")] == ["exact duplicate of a/1"] * 2
    assert {found[name].cluster_id for name in ("a/1", "a/2", "b/0")} == {"a/1"}
    assert {found[name].group_id for name in ("a/1", "a/2", "b/0")} == {"a/1"}
    assert found["b/1"].cluster_id == found["b/1"].group_id == "b/1"


def test_corpus_order_not_the_alphabet_decides_which_stays():
    found = placed([[member("z/1", "p")], [member("a/1", "p")]])
    assert found["z/1"].split is not None
    assert found["a/1"].reason == "exact duplicate of z/1"


def test_clusters_and_groups_are_named_after_the_first_in_corpus_order_too():
    near = placed([[member("z/1")], [member("a/1")]], [("z/1", "a/1")])["a/1"]
    assert near.cluster_id == near.group_id == "z/1"


def test_equal_pixels_of_another_modality_are_no_duplicates():
    found = placed([[member("a/1", "p"), member("a/2", "p", modality="optical")]])
    assert found["a/2"].split is not None
    assert found["a/1"].group_id != found["a/2"].group_id


def test_near_duplicates_are_grouped_and_stay():
    found = placed([[member("a/1"), member("a/2"), member("a/3")]], near=[("a/1", "a/3")])
    assert found["a/3"].cluster_id == found["a/3"].group_id == "a/1"
    assert found["a/3"].split == found["a/1"].split is not None
    assert found["a/2"].group_id == "a/2"


def test_chains_of_near_duplicates_are_one_cluster():
    ids = [f"a/{number}" for number in range(6)]
    found = placed([[member(name) for name in ids]], near=list(pairwise(ids[1:])))
    assert {found[name].cluster_id for name in ids[1:]} == {"a/1"}
    assert found["a/0"].cluster_id == "a/0"


def test_patches_of_one_scene_are_one_group_but_no_cluster():
    found = placed([[member("a/1", scene="s"), member("a/2", scene="s"), member("a/3", scene="t")]])
    assert found["a/2"].group_id == "a/1" != found["a/3"].group_id
    assert found["a/2"].cluster_id == "a/2"


def test_both_halves_of_a_pair_are_on_one_side():
    pairs = [
        [
            member(f"a/{number}_s1", scene=f"s{number}"),
            member(f"a/{number}_s2", scene=f"s{number}", modality="optical"),
        ]
        for number in range(30)
    ]
    found = placed([[image for pair in pairs for image in pair]])
    assert all(found[image.image_id].split == found[other.image_id].split for image, other in pairs)


def test_groups_close_over_scenes_and_copies_that_are_left_out():
    """a/2 is a copy of a/1 and shares a scene with a/3, so a/1 and a/3 show the same place."""
    found = placed([[member("a/1", "p", "s"), member("a/2", "p", "t"), member("a/3", scene="t")]])
    assert found["a/3"].group_id == "a/1"
    assert found["a/3"].split == found["a/1"].split


@pytest.mark.parametrize("earlier", [TRAIN[0], TEST[0], VALIDATION[0]])
def test_a_new_image_joins_the_group_that_it_matches(earlier):
    near = [(earlier, "b/1")]
    found = placed(
        [[member(earlier)], [member("b/1"), member("b/2", scene="s"), member("b/3", earlier, "s")]], near
    )
    assert found["b/1"].group_id == found["b/1"].cluster_id == earlier
    assert found["b/1"].split == side_of(earlier, HALVES)
    assert found["b/2"].group_id == earlier  # through b/3, a copy of the earlier image in its scene
    assert found["b/2"].cluster_id == "b/2"


def test_an_image_that_bridges_groups_of_different_splits_is_left_out_and_named():
    near = [(TRAIN[0], "b/1"), (TEST[0], "b/1"), ("b/1", "b/2")]
    first = [member(name) for name in sorted([TRAIN[0], TEST[0]])]
    found = placed([first, [member("b/1"), member("b/2")]], near)
    assert found["b/1"].split is None
    assert TRAIN[0] in found["b/1"].reason and TEST[0] in found["b/1"].reason
    assert found["b/1"].group_id == found["b/1"].cluster_id == "b/1"
    assert found["b/2"].split == side_of("b/2", HALVES)
    assert found["b/2"].cluster_id == "b/2"  # its only tie to others is left out


def test_groups_of_the_same_split_may_be_bridged():
    near = [(TRAIN[0], "b/1"), (TRAIN[1], "b/1")]
    found = placed([[member(TRAIN[0]), member(TRAIN[1])], [member("b/1")]], near)
    assert (found["b/1"].split, found["b/1"].group_id) == ("train", TRAIN[0])
    assert found[TRAIN[1]].group_id == TRAIN[1]


def test_of_a_bridging_chain_only_the_images_on_the_other_side_are_left_out():
    """b/1 matches train, b/3 matches test: b/1 came first, so the chain stands in train without b/3."""
    near = [(TRAIN[0], "b/1"), ("b/1", "b/2"), ("b/2", "b/3"), (TEST[0], "b/3")]
    first = [member(name) for name in sorted([TRAIN[0], TEST[0]])]
    found = placed([first, [member("b/1"), member("b/2"), member("b/3")]], near)
    assert [found[name].split for name in ("b/1", "b/2", "b/3")] == ["train", "train", None]
    assert "bridges splits" in found["b/3"].reason


def test_a_scene_whose_images_match_both_sides_is_left_out_whole():
    """Its patches overlap each other, so each shows a place of train and of test."""
    near = [(TRAIN[0], "b/1"), (TEST[0], "b/3")]
    first = [member(name) for name in sorted([TRAIN[0], TEST[0]])]
    found = placed([first, [member(f"b/{number}", scene="s") for number in range(1, 5)]], near)
    assert [found[f"b/{number}"].split for number in range(1, 5)] == [None] * 4
    assert {found[f"b/{number}"].group_id for number in range(1, 5)} == {"b/1"}


def test_benchmark_images_go_to_test_with_their_whole_group():
    ids = [*TRAIN, *VALIDATION]
    images = [member(ids[0], benchmark="named"), *(member(name, scene="s") for name in ids[1:])]
    found = placed([images], near=[(ids[0], ids[1])])
    assert {found[name].split for name in ids} == {"test"}
    assert found[ids[0]].benchmark == "named"
    assert found[ids[1]].benchmark is None
    assert "named" in found[ids[1]].reason


def test_an_image_whose_copy_is_a_benchmark_is_one():
    found = placed([[member(TRAIN[0], "p"), member(TRAIN[1], "p", benchmark="named")]])
    assert (found[TRAIN[0]].split, found[TRAIN[0]].benchmark) == ("test", "named")
    assert found[TRAIN[1]].split is None


def test_a_later_benchmark_joins_a_group_in_test():
    found = placed([[member(TEST[0])], [member("b/1", benchmark="named")]], near=[(TEST[0], "b/1")])
    assert (found["b/1"].split, found["b/1"].group_id) == ("test", TEST[0])


@pytest.mark.parametrize("earlier", [TRAIN[0], VALIDATION[0]])
def test_a_later_benchmark_that_matches_a_training_image_is_left_out_and_named(earlier):
    """The earlier image does not move, and nothing that is tested on was trained on."""
    found = placed([[member(earlier)], [member("b/1", benchmark="named")]], near=[(earlier, "b/1")])
    assert found[earlier].split == side_of(earlier, HALVES)
    assert found["b/1"].split is None
    assert "benchmark 'named'" in found["b/1"].reason and earlier in found["b/1"].reason


def test_what_matches_a_benchmark_that_was_left_out_is_not_trained_on_either():
    near = [(TRAIN[0], "b/1"), ("b/1", "b/2"), ("b/1", "c/1"), ("b/1", "c/2"), (TRAIN[0], "c/2")]
    corpora = [
        [member(TRAIN[0])],
        [member("b/1", benchmark="named"), member("b/2")],
        [member("c/1"), member("c/2"), member("c/3", "b/1")],
    ]
    found = placed(corpora, near)
    assert [found[name].split for name in ("b/2", "c/1", "c/2", "c/3")] == ["test", "test", None, None]


def test_no_images_give_no_assignments():
    assert assign([], [], HALVES) == []
    assert assign([[]], [], HALVES) == []


@dataclass(frozen=True)
class World:
    """Corpora whose images share pixels, scenes and likeness in every way."""

    corpora: list[list[Member]]
    near: list[tuple[str, str]]


@st.composite
def worlds(draw) -> World:
    sizes = draw(st.lists(st.integers(0, 7), min_size=1, max_size=4))
    few = st.integers(0, 11)
    corpora = []
    for corpus, size in enumerate(sizes):
        images = []
        for number in range(size):
            pixels, scene = draw(few), draw(few)
            images.append(
                member(
                    f"{'zyxw'[corpus]}/{number}",
                    pixels=f"p{pixels}" if pixels < 4 else "",
                    scene=f"s{scene}" if scene < 5 else "",
                    benchmark="named" if draw(few) == 0 else None,
                    modality="optical" if draw(few) == 1 else "sar",
                )
            )
        corpora.append(images)
    firsts: dict[tuple[str, str], Member] = {}
    for image in (image for images in corpora for image in images):
        firsts.setdefault(image.pixels, image)
    candidates = [
        (image.image_id, other.image_id)
        for at, image in enumerate(firsts.values())
        for other in list(firsts.values())[at + 1 :]
        if image.modality == other.modality
    ]
    near = draw(st.lists(st.sampled_from(candidates), unique=True, max_size=12)) if candidates else []
    return World(corpora, near)


@settings(max_examples=400, deadline=None)
@given(worlds())
def test_appending_a_corpus_moves_nobody(world):
    """Cluster, group, split, benchmark and reason of every image stay what they were, corpus after corpus."""
    whole = placed(world.corpora, world.near)
    for count in range(len(world.corpora)):
        known = {image.image_id for images in world.corpora[:count] for image in images}
        near = [pair for pair in world.near if known.issuperset(pair)]
        before = placed(world.corpora[:count], near)
        assert before == {name: whole[name] for name in known}


@settings(max_examples=400, deadline=None)
@given(worlds())
def test_nothing_that_is_alike_stands_on_two_sides(world):
    found = placed(world.corpora, world.near)
    images = [image for corpus in world.corpora for image in corpus]
    assert found.keys() == {image.image_id for image in images}
    stays = [image for image in images if found[image.image_id].split]
    for key in ("scene", "pixels", "group", "cluster"):
        sides: dict[object, set[str | None]] = {}
        for image in stays:
            assignment = found[image.image_id]
            shared = {
                "scene": image.scene_id,
                "pixels": image.pixels,
                "group": assignment.group_id,
                "cluster": assignment.cluster_id,
            }[key]
            sides.setdefault(shared, set()).add(assignment.split)
        assert all(len(splits) == 1 for splits in sides.values()), key
    for first, second in world.near:
        if found[first].split and found[second].split:
            assert found[first].split == found[second].split


@settings(max_examples=400, deadline=None)
@given(worlds())
def test_of_identical_images_one_stays_at_most_and_benchmarks_are_never_trained_on(world):
    found = placed(world.corpora, world.near)
    images = [image for corpus in world.corpora for image in corpus]
    stays = [image for image in images if found[image.image_id].split]
    assert len({image.pixels for image in stays}) == len(stays)
    position = {image.image_id: at for at, image in enumerate(images)}
    corpus_of = {image.image_id: at for at, corpus in enumerate(world.corpora) for image in corpus}
    for image in images:
        assignment = found[image.image_id]
        assert assignment.reason
        assert position[assignment.group_id] <= position[image.image_id]
        assert position[assignment.cluster_id] <= position[image.image_id]
        if not image.benchmark:
            continue
        assert assignment.split in {"test", None}
        for other in stays:  # what came with the benchmark or later and looks like it is not trained on
            alike = other.pixels == image.pixels or {other.image_id, image.image_id} in map(set, world.near)
            if alike and corpus_of[other.image_id] >= corpus_of[image.image_id]:
                assert found[other.image_id].split == "test"
