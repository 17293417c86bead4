"""The naming rule that leads from one group of files to another: from images to masks or optical halves."""

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

from sartext.corpora.layout import FileGroup
from sartext.corpora.listing import renamed

EXAMPLES = 50
"""Pairs of files from which a rule is derived; it is then tried on every file."""

SHARE = 0.5
"""A rule holds if it leads from at least this share of the files to a file of the other group."""

WORDS = re.compile(r"[^_\-. ]+|[_\-. ]")
FINE = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+|[^A-Za-z\d]")
"""How a name falls into parts: at its separators, or also between words and numbers (``trainA``, ``sar12``)."""

Pairs = list[tuple[str, str]]


def rule_between(images: FileGroup, others: FileGroup) -> tuple[str, str] | None:
    """Return an expression on an image's path and its replacement, which give the path of its partner, or None.

    Tried are names that are equal but for folder, extension and what stands before or after them (``x.jpg``,
    ``x_mask.png``), then names that differ in the same parts everywhere (``sar12``, ``opt12``).
    """
    if images.files == others.files:
        return None
    for tokens in (WORDS, FINE):
        for pairs in (
            _same_names(images, others),
            _names_within(images, others),
            _same_parts(images, others, tokens),
        ):
            if (rule := _rule(pairs[:EXAMPLES], tokens)) and _holds(rule, images, others):
                return rule
    return None


def _holds(rule: tuple[str, str], images: FileGroup, others: FileGroup) -> bool:
    there = set(others.files)
    led = [renamed(*rule, file) for file in images.files]
    return sum(file in there for file in led) >= SHARE * len(images.files)


def _stem(file: str) -> str:
    return PurePosixPath(file).stem


def _same_names(images: FileGroup, others: FileGroup) -> Pairs:
    partner = {_stem(file): file for file in others.files}
    return [(file, partner[_stem(file)]) for file in images.files if _stem(file) in partner]


def _names_within(images: FileGroup, others: FileGroup) -> Pairs:
    """Pairs of which the other name is the image's with the same text before and after it everywhere."""
    first = _stem(images.files[0])
    longer = next((stem for file in others.files if first in (stem := _stem(file))), None)
    if longer is None:
        return []
    before, _, after = longer.partition(first)
    partner = {_stem(file): file for file in others.files}
    names = [(file, f"{before}{_stem(file)}{after}") for file in images.files]
    return [(file, partner[name]) for file, name in names if name in partner]


def _same_parts(images: FileGroup, others: FileGroup, tokens: re.Pattern[str]) -> Pairs:
    """Pairs that have the same parts where the names of their group vary."""
    sides = [{file: tuple(tokens.findall(_stem(file))) for file in group.files} for group in (images, others)]
    if len({len(parts) for side in sides for parts in side.values()}) != 1:
        return []
    columns = [list(zip(*side.values(), strict=True)) for side in sides]
    varying = [place for place, column in enumerate(columns[0]) if len({*column, *columns[1][place]}) > 2]
    partner = {tuple(parts[place] for place in varying): file for file, parts in sides[1].items()}
    keys = [(file, tuple(parts[place] for place in varying)) for file, parts in sides[0].items()]
    return [(file, partner[key]) for file, key in keys if key in partner]


def _rule(pairs: Sequence[tuple[str, str]], tokens: re.Pattern[str]) -> tuple[str, str] | None:
    """Return what is the same and what differs in all pairs of paths, as an expression and its replacement."""
    if not pairs:
        return None
    split = [(PurePosixPath(file), PurePosixPath(other)) for file, other in pairs]
    if len({len(path.parts) for each in split for path in each}) != 1:
        return None
    folders: list[tuple[str, str]] = []
    for place in range(len(split[0][0].parts) - 1):
        piece = _piece([(file.parts[place], other.parts[place]) for file, other in split], tokens)
        if piece is None:
            return None
        folders.append(piece)
    name = _name([(file.stem, other.stem) for file, other in split], tokens)
    extensions = {(file.suffix, other.suffix) for file, other in split}
    if name is None or len(extensions) > 1:
        return None
    suffix, other_suffix = extensions.pop()
    pieces = [*(part for folder in folders for part in (folder, ("/", "/"))), name]
    return _joined(pieces, re.escape(suffix) + "$", other_suffix)


def _joined(pieces: list[tuple[str, str]], end: str, other_end: str) -> tuple[str, str]:
    """Join pieces; ``()`` in the replacement of one stands for the group of its expression."""
    image, file, count = "^", "", 0
    for expression, replacement in pieces:
        image += expression
        parts = replacement.split("()")
        file += parts[0]
        for part in parts[1:]:
            count += 1
            file += f"\\g<{count}>{part}"
    return image + end, file + other_end


def _piece(pairs: Sequence[tuple[str, str]], tokens: re.Pattern[str]) -> tuple[str, str] | None:
    """A folder of the path: one name that becomes another, the same on both sides, or the same but for a part."""
    if len(set(pairs)) == 1:
        name, other = pairs[0]
        return re.escape(name), other
    if all(name == other for name, other in pairs):
        return "([^/]+)", "()"
    return _differing(pairs, tokens)


def _name(pairs: Sequence[tuple[str, str]], tokens: re.Pattern[str]) -> tuple[str, str] | None:
    if all(name == other for name, other in pairs):
        return "(.+)", "()"
    if len(pairs) > 1 and all(name in other for name, other in pairs):
        around = {tuple(other.split(name, 1)) for name, other in pairs}
        if len(around) == 1:
            before, after = around.pop()
            return "(.+)", f"{before}(){after}"
    return _differing(pairs, tokens)


def _differing(pairs: Sequence[tuple[str, str]], tokens: re.Pattern[str]) -> tuple[str, str] | None:
    """Names of as many parts, of which some are the same on both sides and the others always differ alike."""
    rows = [(tokens.findall(name), tokens.findall(other)) for name, other in pairs]
    if len({len(parts) for row in rows for parts in row}) != 1:
        if len(set(pairs)) == 1:
            return re.escape(pairs[0][0]), pairs[0][1]
        return None
    expression, replacement = "", ""
    for place in range(len(rows[0][0])):
        column = {(parts[place], others[place]) for parts, others in rows}
        if len(column) == 1:
            token, other = column.pop()
            expression, replacement = expression + re.escape(token), replacement + other
        elif all(token == other for token, other in column):
            kind = r"\d+" if all(token.isdigit() for token, _ in column) else r"[^/_\-. ]+"
            expression, replacement = expression + f"({kind})", replacement + "()"
        else:
            return None
    return expression, replacement
