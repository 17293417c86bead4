"""Who stands where: duplicates, groups and splits, decided corpus by corpus so that adding a corpus moves nobody.

The rules, in the order they are applied to the images of one corpus (earlier corpora stand already):

1. Images that share a scene, their pixels, or are near-duplicates, directly or through others, form a component.
2. An image *matches* an earlier group if it shares pixels, likeness or scene with one of its images. What one
   image of a scene matches, the whole scene matches: its images overlap, in places that nobody compared.
3. A component takes one side: test if it holds a benchmark image; else the side of the first of its images whose
   matches are all on one side. An image that matches a group on another side is left out and named, for moving
   the earlier one would change what was published. So a benchmark image that matches an earlier *training* image
   is left out, too, and counted apart in the metrics: list the corpus that holds the benchmark before the other.
4. What is left is closed again. Each part joins the first group it matches, else it is a new group, named after
   its first image, on the side of the hash of that name (test if the component holds a benchmark image).
5. Of identical images the first stays; the others are left out, whatever they are named.

Two images that stay and share pixels, likeness or scene are therefore always on one side: within a corpus they
are in one part, across corpora rule 3 left one of them out. An image that is left out as a benchmark goes on to
count as one of the test side: nothing that matches it is ever trained on.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from scipy.cluster.hierarchy import DisjointSet

from sartext.config import SplitParameters
from sartext.release.inputs import TEST, TRAIN, VALIDATION


@dataclass(frozen=True)
class Member:
    """What grouping needs to know of an image; the pixels of a ``compiled`` one are those of its original."""

    image_id: str
    modality: str
    pixels_sha256: str
    scene_id: str
    benchmark: str | None = None
    compiled: bool = False

    @property
    def pixels(self) -> tuple[str, str]:
        """What two images share that are exact duplicates: the same pixels within one modality."""
        return self.modality, self.pixels_sha256


@dataclass(frozen=True)
class Assignment:
    """Where an image stands; ``split`` is None for one that is left out, and ``reason`` says why.

    ``copy_of`` is the first image with the same pixels, ``side`` the split of the images around it: for an exact
    duplicate the one that it would stand in.
    """

    image_id: str
    cluster_id: str
    group_id: str
    split: str | None
    benchmark: str | None
    reason: str
    side: str | None
    copy_of: str | None = None


@dataclass(frozen=True, order=True)
class Match:
    """A group that stands already, and the image of it that was matched; in corpus order."""

    position: int
    group_id: str
    side: str
    witness: str


@dataclass
class _Standing:
    """What the corpora so far decided.

    ``first`` holds the first image with given pixels; ``matches`` what a likeness to that image leads to.
    """

    parameters: SplitParameters
    near: dict[str, list[str]]
    position: dict[str, int] = field(default_factory=dict)
    first: dict[tuple[str, str], str] = field(default_factory=dict)
    placed: dict[str, Assignment] = field(default_factory=dict)
    matches: dict[str, list[Match]] = field(default_factory=dict)
    scenes: dict[str, dict[tuple[str, str], Match]] = field(default_factory=dict)

    def first_of(self, member: Member) -> str:
        """The first image with the same pixels."""
        return self.first[member.pixels]

    def alike(self, member: Member) -> list[str]:
        """The first image with the same pixels, and those that are near to it."""
        first = self.first_of(member)
        return [first, *self.near.get(first, [])]

    def remember(self, member: Member, assignment: Assignment) -> None:
        """Let later corpora match this image."""
        self.placed[member.image_id] = assignment
        # what a benchmark holds is never trained on, even where the image itself is left out
        side = assignment.side or (TEST if member.benchmark else None)
        if side is None:
            return
        match = Match(self.position[assignment.group_id], assignment.group_id, side, member.image_id)
        self.matches.setdefault(self.first_of(member), []).append(match)
        self.scenes.setdefault(member.scene_id, {}).setdefault((match.group_id, side), match)


_Verdict = tuple[str, str | None, str]
"""What a part of a component shares: group, split and reason."""


def side_of(group_id: str, parameters: SplitParameters) -> str:
    """Return the split of a group: SHA-256 of salt and id, read as a number in [0, 1), against the shares."""
    digest = hashlib.sha256(f"{parameters.salt}/{group_id}".encode()).digest()
    number = int.from_bytes(digest[:8], "big") / 2**64
    if number < parameters.test:
        return TEST
    return VALIDATION if number < parameters.test + parameters.validation else TRAIN


def assign(
    corpora: Iterable[Sequence[Member]], near: Iterable[tuple[str, str]], parameters: SplitParameters
) -> list[Assignment]:
    """Decide cluster, group and split of every image, in corpus order.

    Args:
        corpora: the images of each corpus, in the order of ``params.yaml`` and then of their ids.
        near: pairs of near-duplicates, each between the first images with their pixels.
        parameters: shares and salt.
    """
    neighbours: dict[str, list[str]] = {}
    for first, second in near:
        neighbours.setdefault(first, []).append(second)
        neighbours.setdefault(second, []).append(first)
    standing = _Standing(parameters, neighbours)
    for members in corpora:
        for member in members:
            standing.position[member.image_id] = len(standing.position)
            standing.first.setdefault(member.pixels, member.image_id)
        rows = [row for component in _close(standing, members) for row in _settle(standing, component)]
        for member, assignment in rows:
            standing.remember(member, assignment)
    return sorted(standing.placed.values(), key=lambda assignment: standing.position[assignment.image_id])


def _settle(standing: _Standing, component: list[Member]) -> list[tuple[Member, Assignment]]:
    matches = _matches(standing, component)
    sides = {image_id: {match.side for match in of_image} for image_id, of_image in matches.items()}
    benchmark = next((member.benchmark for member in component if member.benchmark), None)
    clear = (min(sides[member.image_id]) for member in component if len(sides[member.image_id]) == 1)
    side = TEST if benchmark else next(clear, None)
    stays = [member for member in component if sides[member.image_id] <= {side}]
    leaves = [member for member in component if not sides[member.image_id] <= {side}]
    verdicts: dict[str, _Verdict] = {}
    for part in _close(standing, stays):
        verdicts |= dict.fromkeys((member.image_id for member in part), _place(standing, part, matches, benchmark))
    for part in _close(standing, leaves):
        for member in part:
            reason = _conflict(member, matches[member.image_id], side)
            verdicts[member.image_id] = part[0].image_id, None, reason
    clusters = _clusters(standing, stays, joining=True) | _clusters(standing, leaves, joining=False)
    # an identical image that is left out hands the name of its benchmark on
    benchmarks = {member.pixels: member.benchmark for member in reversed(component) if member.benchmark}
    rows = []
    for member in component:
        verdict, benchmark = verdicts[member.image_id], benchmarks.get(member.pixels)
        rows.append((member, _assignment(standing, member, verdict, clusters, benchmark)))
    return rows


def _place(
    standing: _Standing, part: list[Member], matches: dict[str, list[Match]], benchmark: str | None
) -> _Verdict:
    joined = min((match for member in part for match in matches[member.image_id]), default=None)
    if joined:
        return joined.group_id, joined.side, f"joins the group of {joined.group_id}"
    group = part[0].image_id
    if benchmark:
        return group, TEST, f"stands with benchmark '{benchmark}'"
    return group, side_of(group, standing.parameters), "by the hash of its group"


def _assignment(
    standing: _Standing, member: Member, verdict: _Verdict, clusters: dict[str, str], benchmark: str | None
) -> Assignment:
    (group, side, reason), first = verdict, standing.first_of(member)
    if first == member.image_id:
        return Assignment(member.image_id, clusters[first], group, side, benchmark, reason, side)
    cluster = standing.placed[first].cluster_id if first in standing.placed else clusters[first]
    kind = "compiled from" if member.compiled else "exact duplicate of"
    reason = f"{kind} {first}" + ("" if side else f"; {reason}")
    return Assignment(member.image_id, cluster, group, None, member.benchmark, reason, side, first)


def _matches(standing: _Standing, component: list[Member]) -> dict[str, list[Match]]:
    """The earlier groups that each image of a component matches, by itself or through its scene."""
    by_scene: dict[str, dict[tuple[str, str], Match]] = {}
    for member in component:
        of_scene = by_scene.setdefault(member.scene_id, dict(standing.scenes.get(member.scene_id, {})))
        for match in (match for first in standing.alike(member) for match in standing.matches.get(first, [])):
            key = (match.group_id, match.side)
            of_scene[key] = min(of_scene.get(key, match), match)
    ordered = {scene: sorted(matches.values()) for scene, matches in by_scene.items()}
    return {member.image_id: ordered[member.scene_id] for member in component}


def _conflict(member: Member, matches: list[Match], side: str | None) -> str:
    named: dict[str, str] = {}
    for match in matches:
        named.setdefault(match.side, match.witness)
    matched = " and ".join(f"{witness} in {where}" for where, witness in sorted(named.items()))
    if member.benchmark:
        return f"benchmark '{member.benchmark}': it or its scene matches {matched}, which does not move"
    stands = "" if side is None or side in named else f", its own duplicates or scene stand in {side}"
    return f"bridges splits: it or its scene matches {matched}{stands}"


def _clusters(standing: _Standing, members: list[Member], *, joining: bool) -> dict[str, str]:
    """The cluster of each first image: the first of those that look alike, earlier ones included if joining."""
    firsts = [member for member in members if standing.first_of(member) == member.image_id]
    clusters: dict[str, str] = {}
    for alike in _close(standing, firsts, scenes=False):
        around = {first for member in alike for first in standing.alike(member) if joining}
        earlier = [standing.placed[first] for first in around if first in standing.placed]
        known = [assignment.cluster_id for assignment in earlier if assignment.split]
        cluster = min([*known, alike[0].image_id], key=standing.position.__getitem__)
        clusters |= {member.image_id: cluster for member in alike}
    return clusters


def _close(standing: _Standing, members: Sequence[Member], *, scenes: bool = True) -> list[list[Member]]:
    """Split images into components by pixels, likeness and scene; each, and its images, in corpus order."""
    # two images that are near to the same absent one are no neighbours by that
    present = {standing.first_of(member) for member in members}
    sets = DisjointSet(("pixels", first) for first in present)
    for member in members:
        tied = [("pixels", first) for first in standing.alike(member) if first in present]
        for node in [*tied, ("scene", member.scene_id)] if scenes else tied:
            sets.add(node)
            sets.merge(("pixels", standing.first_of(member)), node)
    parts: dict[tuple[str, str], list[Member]] = {}
    for member in members:
        parts.setdefault(sets["pixels", standing.first_of(member)], []).append(member)
    return list(parts.values())
