"""Random images whose whole truth is known, and their facts as the narrator makes them.

What an annotation lacks (boxes that were dropped, small components, pixels without a class) is in the truth alone.
"""

from dataclasses import dataclass, field

from hypothesis import strategies as st

from sartext.narrator.annotated import cover_facts, cover_naming, naming, object_facts
from sartext.narrator.facts import Facts
from sartext.narrator.vocabulary import bare, cover_noun
from sartext.vqa.claims import Doubt
from tests.narrator.examples import box, entry_of, region, stuff, thing

SIDE = 64
PIXELS = 100_000

THINGS = (
    thing("ship", "ship", "ships", "vessel"),
    thing("cargo", "cargo ship", "cargo ships", "ship"),
    thing("bridge", "bridge", "bridges"),
    thing("tank", "storage tank", "storage tanks"),
    thing("A220", "A220 aircraft", "A220 aircraft", "aircraft"),
    thing("A320", "A320 or A321 aircraft", "A320 or A321 aircraft", "aircraft"),
    thing("other", "aircraft of another type", "aircraft of another type", "aircraft"),
    thing("car", "vehicle", "vehicles").model_copy(update={"exhaustive": False}),
)
COVERS = (
    stuff("water", "water"),
    stuff("forest", "forest"),
    stuff("built-up", "built-up area", "built-up areas"),
    stuff("soil", "bare soil"),
    stuff("oil-spill", "oil spill", "oil spills", rare=True),
    stuff("meadow", "meadow", "meadows", exhaustive=False),
    stuff("land", "land", say=False),
)
BOXES = entry_of("detection", "boxes", THINGS)
MASKS = entry_of("segmentation", "masks", (*COVERS, THINGS[0]))


@dataclass(frozen=True)
class Truth:
    """What is really there: objects and pixels by noun, told or not; and what the annotation's notes say."""

    facts: Facts
    counts: dict[str, int] = field(default_factory=dict)
    pixels: dict[str, int] = field(default_factory=dict)
    doubt: Doubt = Doubt.NONE

    def there(self, key: str) -> bool:
        return self.counts.get(key, 0) > 0 or self.pixels.get(key, 0) > 0


@st.composite
def detections(draw: st.DrawFn) -> Truth:
    objects = [
        box(kind.label, draw(st.sampled_from([8.0, 30.0, 60.0])), draw(st.sampled_from([4.0, 32.0])))
        for kind in THINGS
        for _ in range(draw(st.sampled_from([0, 0, 0, 1, 2, 3, 9, 10, 11, 25])))
    ]
    facts, _ = object_facts(objects, SIDE, SIDE, naming(BOXES))
    labels = [thing["label"] for thing in objects]
    dropped = draw(st.lists(st.sampled_from([kind.label for kind in THINGS]), max_size=2))
    loose = draw(st.sampled_from([0, 2]))
    labels += [*dropped, *["car"] * loose]
    counts = {bare(kind.noun): labels.count(kind.label) for kind in THINGS}
    return Truth(facts, counts, doubt=Doubt.OBJECTS if dropped else Doubt.NONE)


@st.composite
def masks(draw: st.DrawFn) -> Truth:
    """Pixels of every class, some under the threshold of 0.5 %, in one zone or another; small and large ships.

    Pixels without a class are really of one, or a ship.
    """
    sizes = st.sampled_from([0, 0, 1, 9, 300, 499, 500, 5_000, 20_000, 40_000])
    pixels = {kind.label: draw(sizes) for kind in COVERS}
    small, ships = draw(st.sampled_from([(0, 0), (0, 0), (0, 2), (4, 0), (9, 1)]))
    left = PIXELS - sum(pixels.values()) - small - 20 * ships
    while left < 0:
        largest = max(pixels, key=lambda label: pixels[label])
        left += pixels[largest]
        pixels[largest] = 0
    filler = draw(st.sampled_from(["water", "soil", "land", "unknown"]))
    if filler != "unknown":
        pixels[filler] += left
    zones = st.sampled_from([{}, {"upper_left": 0.7}, {"middle": 0.9}, {"lower_right": 0.6}])
    rows = [
        row
        for label, count in pixels.items()
        if count
        for row in region(label, count / PIXELS, component=count, **draw(zones))
    ]
    cover = cover_facts(rows, cover_naming(MASKS))
    found, _ = object_facts([box("ship", 30, 30) for _ in range(ships)], SIDE, SIDE, naming(MASKS))
    hidden = draw(st.sampled_from([*pixels, "ship"])) if filler == "unknown" and left else ""
    truth = {bare(cover_noun(kind)): pixels[kind.label] + left * (hidden == kind.label) for kind in COVERS}
    counts = {"ship": ships + (small > 0) + (hidden == "ship")}
    doubt = Doubt.PIXELS if hidden else Doubt.OBJECTS if small else Doubt.NONE
    return Truth(Facts(objects=found.objects, cover=cover), counts, truth, doubt)
