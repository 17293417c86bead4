"""Who stands where: clusters, groups and splits, and that adding a corpus moves nobody."""

from dataclasses import dataclass
from itertools import combinations, pairwise

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
    ids = [f"{prefix}/{number:04}" for number in range(1000)]
    return [name for name in ids if side_of(name, HALVES) == side][:count]


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


def numbers(count: int, corpus: str = "a", **fields: str) -> list[Member]:
    return [member(f"{corpus}/{number}", **fields) for number in range(1, count + 1)]


BOTH = [member(name) for name in sorted([TRAIN[0], TEST[0]])]

GROUPED = {
    "the first of identical images stays": (
        [[member("a/1", "p"), member("a/2", "p")], [member("b/0", "p"), member("b/1")]],
        [],
        {"a/2": ("a/1", "a/1"), "b/0": ("a/1", "a/1")},
    ),
    "corpus order, not the alphabet, names groups and clusters": (
        [[member("z/1")], [member("a/1")]],
        [("z/1", "a/1")],
        {"a/1": ("z/1", "z/1")},
    ),
    "corpus order, not the alphabet, decides which of identical images stays": (
        [[member("z/1", "p")], [member("a/1", "p")]],
        [],
        {"a/1": ("z/1", "z/1")},
    ),
    "equal pixels of another modality are no duplicates": (
        [[member("a/1", "p"), member("a/2", "p", modality="optical")]],
        [],
        {},
    ),
    "near-duplicates are grouped": ([numbers(3)], [("a/1", "a/3")], {"a/3": ("a/1", "a/1")}),
    "chains of near-duplicates are one cluster": (
        [numbers(6)],
        list(pairwise(f"a/{number}" for number in range(2, 7))),
        {f"a/{number}": ("a/2", "a/2") for number in range(3, 7)},
    ),
    "patches of one scene are one group but no cluster": (
        [[member("a/1", scene="s"), member("a/2", scene="s"), member("a/3", scene="t")]],
        [],
        {"a/2": ("a/1", "a/2")},
    ),
    # a/2 is a copy of a/1 and shares a scene with a/3, so a/1 and a/3 show the same place
    "groups close over scenes and copies that are left out": (
        [[member("a/1", "p", "s"), member("a/2", "p", "t"), member("a/3", scene="t")]],
        [],
        {"a/2": ("a/1", "a/1"), "a/3": ("a/1", "a/3")},
    ),
    "groups of the same split may be bridged": (
        [[member(TRAIN[0]), member(TRAIN[1])], numbers(1, "b")],
        [(TRAIN[0], "b/1"), (TRAIN[1], "b/1")],
        {"b/1": (TRAIN[0], TRAIN[0])},
    ),
}


@pytest.mark.parametrize("case", GROUPED)
def test_who_stands_together(case):
    """Group and cluster of every image; of a group, all that stay are on the side of the group's name."""
    corpora, near, together = GROUPED[case]
    assigned = placed(corpora, near)
    expected = {name: (name, name) for name in assigned} | together
    assert {name: (row.group_id, row.cluster_id) for name, row in assigned.items()} == expected
    for row in assigned.values():
        assert row.split == (None if row.copy_of else side_of(row.group_id, HALVES))
        assert not row.copy_of or row.reason == f"exact duplicate of {row.copy_of}"
    firsts = {image.pixels: image.image_id for images in reversed(corpora) for image in reversed(images)}
    assert {name for name, row in assigned.items() if row.split} == set(firsts.values())


@pytest.mark.parametrize("earlier", [TRAIN[0], TEST[0], VALIDATION[0]])
def test_a_new_image_joins_the_group_that_it_matches(earlier):
    corpora = [[member(earlier)], [member("b/1"), member("b/2", scene="s"), member("b/3", earlier, "s")]]
    assigned = placed(corpora, [(earlier, "b/1")])
    assert assigned["b/1"].group_id == assigned["b/1"].cluster_id == earlier
    assert assigned["b/1"].split == side_of(earlier, HALVES)
    assert assigned["b/2"].group_id == earlier  # through b/3, a copy of the earlier image in its scene
    assert assigned["b/2"].cluster_id == "b/2"


def test_an_image_that_bridges_groups_of_different_splits_is_left_out_and_named():
    assigned = placed([BOTH, numbers(2, "b")], [(TRAIN[0], "b/1"), (TEST[0], "b/1"), ("b/1", "b/2")])
    assert assigned["b/1"].split is None
    assert TRAIN[0] in assigned["b/1"].reason and TEST[0] in assigned["b/1"].reason
    assert assigned["b/1"].group_id == assigned["b/1"].cluster_id == "b/1"
    assert assigned["b/2"].split == side_of("b/2", HALVES)
    assert assigned["b/2"].cluster_id == "b/2"  # its only tie to others is left out


def test_of_a_bridging_chain_only_the_images_on_the_other_side_are_left_out():
    """b/1 matches train, b/3 matches test: b/1 came first, so the chain stands in train without b/3."""
    near = [(TRAIN[0], "b/1"), ("b/1", "b/2"), ("b/2", "b/3"), (TEST[0], "b/3")]
    assigned = placed([BOTH, numbers(3, "b")], near)
    assert [assigned[name].split for name in ("b/1", "b/2", "b/3")] == ["train", "train", None]
    assert "bridges splits" in assigned["b/3"].reason


def test_a_scene_whose_images_match_both_sides_is_left_out_whole():
    """Its patches overlap each other, so each shows a place of train and of test."""
    assigned = placed([BOTH, numbers(4, "b", scene="s")], [(TRAIN[0], "b/1"), (TEST[0], "b/3")])
    scene = [assigned[f"b/{number}"] for number in range(1, 5)]
    assert [(image.split, image.group_id) for image in scene] == [(None, "b/1")] * 4


def test_benchmark_images_go_to_test_with_their_whole_group():
    first, second, *others = (*TRAIN, *VALIDATION)
    images = [member(first, benchmark="named"), *(member(name, scene="s") for name in (second, *others))]
    assigned = placed([images], near=[(first, second)])
    assert {row.split for row in assigned.values()} == {"test"}
    assert (assigned[first].benchmark, assigned[second].benchmark) == ("named", None)
    assert "named" in assigned[second].reason


def test_an_image_whose_copy_is_a_benchmark_is_one():
    assigned = placed([[member(TRAIN[0], "p"), member(TRAIN[1], "p", benchmark="named")]])
    assert (assigned[TRAIN[0]].split, assigned[TRAIN[0]].benchmark) == ("test", "named")
    assert assigned[TRAIN[1]].split is None


@pytest.mark.parametrize("earlier", [TEST[0], TRAIN[0], VALIDATION[0]])
def test_a_later_benchmark_joins_test_and_is_left_out_and_named_elsewhere(earlier):
    """The earlier image does not move, and nothing that is tested on was trained on."""
    assigned = placed([[member(earlier)], [member("b/1", benchmark="named")]], near=[(earlier, "b/1")])
    assert assigned[earlier].split == side_of(earlier, HALVES)
    if earlier == TEST[0]:
        assert (assigned["b/1"].split, assigned["b/1"].group_id) == ("test", earlier)
    else:
        assert assigned["b/1"].split is None
        assert "benchmark 'named'" in assigned["b/1"].reason and earlier in assigned["b/1"].reason


def test_what_matches_a_benchmark_that_was_left_out_is_not_trained_on_either():
    near = [(TRAIN[0], "b/1"), ("b/1", "b/2"), ("b/1", "c/1"), ("b/1", "c/2"), (TRAIN[0], "c/2")]
    corpora = [
        [member(TRAIN[0])],
        [member("b/1", benchmark="named"), member("b/2")],
        [member("c/1"), member("c/2"), member("c/3", "b/1")],
    ]
    assigned = placed(corpora, near)
    assert [assigned[name].split for name in ("b/2", "c/1", "c/2", "c/3")] == ["test", "test", None, None]


@dataclass(frozen=True)
class World:
    """Corpora whose images share pixels, scenes and likeness in every way."""

    corpora: list[list[Member]]
    near: list[tuple[str, str]]

    @property
    def images(self) -> list[Member]:
        return [image for corpus in self.corpora for image in corpus]


FEW = st.integers(0, 11)


@st.composite
def worlds(draw) -> World:
    """Every image draws its pixels, scene, benchmark and modality: few of each, so that many meet."""
    drawn = draw(st.lists(st.lists(st.tuples(FEW, FEW, FEW, FEW), max_size=7), min_size=1, max_size=4))
    corpora = [
        [
            member(
                f"{name}/{number}",
                pixels=f"p{pixels}" if pixels < 4 else "",
                scene=f"s{scene}" if scene < 5 else "",
                benchmark="named" if benchmark == 0 else None,
                modality="optical" if modality == 0 else "sar",
            )
            for number, (pixels, scene, benchmark, modality) in enumerate(images)
        ]
        for name, images in zip("zyxw", drawn, strict=False)
    ]
    images = [image for corpus in corpora for image in corpus]
    firsts = {image.pixels: image for image in reversed(images)}
    pairs = combinations([image for image in images if firsts[image.pixels] is image], 2)
    alike = [(image.image_id, other.image_id) for image, other in pairs if image.modality == other.modality]
    near = draw(st.lists(st.sampled_from(alike), unique=True, max_size=12)) if alike else []
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
    assigned = placed(world.corpora, world.near)
    assert assigned.keys() == {image.image_id for image in world.images}
    stays = [(image, assigned[image.image_id]) for image in world.images if assigned[image.image_id].split]
    sides: dict[tuple[str, object], set[str | None]] = {}
    for image, row in stays:
        places = {"scene": image.scene_id, "group": row.group_id}
        for key in (places | {"pixels": image.pixels, "cluster": row.cluster_id}).items():
            sides.setdefault(key, set()).add(row.split)
    assert [key for key, splits in sides.items() if len(splits) > 1] == []
    for first, second in world.near:
        assert len({assigned[first].split, assigned[second].split} - {None}) <= 1


@settings(max_examples=400, deadline=None)
@given(worlds())
def test_of_identical_images_one_stays_at_most_and_benchmarks_are_never_trained_on(world):
    assigned = placed(world.corpora, world.near)
    images = world.images
    stays = [image for image in images if assigned[image.image_id].split]
    assert len({image.pixels for image in stays}) == len(stays)
    position = {image.image_id: at for at, image in enumerate(images)}
    corpus_of = {image.image_id: at for at, corpus in enumerate(world.corpora) for image in corpus}
    for image in images:
        assignment = assigned[image.image_id]
        assert assignment.reason
        assert position[assignment.group_id] <= position[image.image_id]
        assert position[assignment.cluster_id] <= position[image.image_id]
        if not image.benchmark:
            continue
        assert assignment.split in {"test", None}
        for other in stays:  # what came with the benchmark or later and looks like it is not trained on
            alike = other.pixels == image.pixels or {other.image_id, image.image_id} in map(set, world.near)
            if alike and corpus_of[other.image_id] >= corpus_of[image.image_id]:
                assert assigned[other.image_id].split == "test"
