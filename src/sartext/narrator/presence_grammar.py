"""The paraphrase grammar of what an image shows, without saying where: counted objects, named classes, scenes."""

from sartext.narrator.choices import Choices
from sartext.narrator.vocabulary import SOME, enumerate_phrases
from sartext.narrator.wording import APPEARS, FURTHER_IMAGES, IMAGES, SHOWS, Group, is_plural, sentences

_FRAMES = ("there", *["shows"] * len(SHOWS), *["appears"] * len(APPEARS), "in it there", *["in it"] * len(APPEARS))
"""How a sentence is built, each as often as it has forms, so that no form is more frequent than another."""

_SCENE_FRAMES = (*["presence"] * 11, *["contents"] * 3, *["identified"] * 2)
"""How a sentence on land cover or a scene is built, about as often as each has forms."""

_CONTENTS = (
    "the scene in {} shows",
    "the scene in {} contains",
    "the scene in {} includes",
    "the area in {} contains",
    "the area shown in {} contains",
    "the area shown in {} includes",
)
"""What the image holds, said of what it is an image of."""


def presence(group: Group, choices: Choices, images: tuple[str, ...] = IMAGES) -> str:
    """Return a clause that says what there is in the image, which goes by one of some names."""
    frame, image = choices.pick(_FRAMES), choices.pick(images)
    if frame == "there":
        return f"{group.there} in {image}"
    if frame == "shows":
        return f"{image} {choices.pick(SHOWS)} {group.text}"
    if frame == "in it there":
        return f"in {image}, {group.there}"
    verb = group.agrees(choices.pick(APPEARS))
    return f"in {image}, {group.text} {verb}" if frame == "in it" else f"{group.text} {verb} in {image}"


def presence_last(group: Group, choices: Choices) -> str:
    """Return a clause as `presence` does that ends in the group, so that "which" can follow."""
    image = choices.pick(IMAGES)
    verb = choices.pick((*SHOWS, ""))
    return f"{image} {verb} {group.text}" if verb else f"in {image}, {group.there}"


def named(stuff: list[str], things: list[str], choices: Choices, *, first: bool) -> str:
    """Return sentences that name land cover without a share, then objects without a number.

    Args:
        stuff: land cover, as captions say it.
        things: nouns of objects in the singular, of each of which there is at least one.
        choices: of the forms.
        first: whether nothing was said of the image before.
    """
    images = IMAGES if first else FURTHER_IMAGES
    parts = [seen(stuff, choices, images)] if stuff else []
    if things:
        text = enumerate_phrases([f"{SOME} {noun}" for noun in things])
        parts.append(presence(Group(text, 1, len(things)), choices, FURTHER_IMAGES if stuff else images))
    return sentences(*parts)


def seen(nouns: list[str], choices: Choices, images: tuple[str, ...] = IMAGES, *, alone: bool = False) -> str:
    """Return a clause that names land cover or a scene; ``alone`` where nothing else is there."""
    text = f"{'only ' * alone}{enumerate_phrases(nouns)}"
    frame = choices.pick(_SCENE_FRAMES)
    if frame == "presence":
        plural = is_plural(nouns[0]), len(nouns) > 1 or is_plural(nouns[0])
        return presence(Group(text, 1 + plural[0], 1 + plural[1]), choices, images)
    image = choices.pick(images)
    if frame == "contents":
        return f"{choices.pick(_CONTENTS).format(image)} {text}"
    verb = choices.pick(("can be identified", "can be made out"))
    return choices.pick((f"in {image}, {text} {verb}", f"{text} {verb} in {image}"))


def scene_of(noun: str, choices: Choices) -> str:
    """Return a sentence on what the image is of as a whole; something else may be there, too."""
    if choices.pick(range(16)):
        return sentences(seen([noun], choices))
    image = choices.pick(IMAGES)
    of_it = (
        f"this is a SAR image of {noun}",
        f"this is a SAR image that shows {noun}",
        f"{image} is of {noun}",
        f"{image} is an image of {noun}",
    )
    return sentences(choices.pick(of_it))
