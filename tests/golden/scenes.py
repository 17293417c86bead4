"""Small pictures and what is in them, for a CoCa that writes sensible captions of many lengths after a minute."""

import numpy as np

SIDE = 32
PAD, START, END = 0, 1, 2
COLOURS = {"red": (220, 60, 50), "green": (60, 190, 80), "blue": (60, 90, 220), "white": (240, 240, 240)}
SHAPES = ("square", "disc", "cross")
COUNTS = ("one", "two", "three", "four")
TONES = {"dark": 30, "grey": 110, "sandy": 150}
# the padding's id is a word as well, as "!" is in CLIP's vocabulary: it may stand inside a caption
TEXT = (
    "! <start> <end> , . an and are at blue bottom cross crosses dark disc discs empty four green grey in is left "
    "look nothing one picture red right sandy scene see shows square squares the there this three top two we white"
)
WORDS = TEXT.split()
IDS = {word: at for at, word in enumerate(WORDS)}


def scene(rng: np.random.Generator) -> tuple[np.ndarray, list[int]]:
    """Return a picture [side, side, 3] of bytes and a caption's ids, start and end included."""
    tone = rng.choice(list(TONES))
    picture = TONES[tone] + rng.normal(0, 6, (SIDE, SIDE, 3))
    quadrants = rng.permutation(4)[: rng.choice([0, 1, 2, 3], p=[0.15, 0.35, 0.3, 0.2])]
    parts = [_draw(picture, int(quadrant), rng) for quadrant in sorted(quadrants)]
    words = _tell(parts, tone, rng)
    if rng.random() < 0.25:  # a bright frame
        picture[[0, 1, -1, -2]] = picture[:, [0, 1, -1, -2]] = 255
        words = ["look", "!", *words]
    return np.clip(picture, 0, 255).astype(np.uint8), [START, *(IDS[word] for word in words), END]


def scenes(count: int, seed: int) -> tuple[np.ndarray, list[list[int]]]:
    """Return pictures [count, side, side, 3] and their captions."""
    rng = np.random.default_rng(seed)
    pictures, captions = zip(*(scene(rng) for _ in range(count)), strict=True)
    return np.stack(pictures), list(captions)


def normalise(pictures: np.ndarray) -> np.ndarray:
    """Return 32-bit floats [n, 3, side, side] of mean about 0."""
    return np.ascontiguousarray((pictures.astype(np.float32) / 127.5 - 1).transpose(0, 3, 1, 2))


def _draw(picture: np.ndarray, quadrant: int, rng: np.random.Generator) -> list[str]:
    """Draw one to four equal shapes in a quadrant and return what they are and where."""
    count, shape, colour = int(rng.integers(1, 5)), str(rng.choice(SHAPES)), str(rng.choice(list(COLOURS)))
    top, left = 16 * (quadrant // 2), 16 * (quadrant % 2)
    y, x = np.mgrid[-2:3, -2:3]
    stamp = {"square": np.ones((5, 5), bool), "disc": x**2 + y**2 <= 5, "cross": (x == 0) | (y == 0)}[shape]
    for cell in rng.permutation(4)[:count]:
        row, column = top + 2 + 7 * (cell // 2), left + 2 + 7 * (cell % 2)
        picture[row : row + 5, column : column + 5][stamp] = COLOURS[colour]
    plural = {"square": "squares", "disc": "discs", "cross": "crosses"}[shape]
    place = ["at", "the", ("top", "bottom")[quadrant // 2], ("left", "right")[quadrant % 2]]
    return [COUNTS[count - 1], colour, shape if count == 1 else plural, *place]


def _tell(parts: list[list[str]], tone: str, rng: np.random.Generator) -> list[str]:
    noun = str(rng.choice(["scene", "picture"]))
    if not parts:
        return ["an", "empty", tone, noun] if rng.random() < 0.6 else ["nothing"]
    words = ["there", "is" if parts[0][0] == "one" else "are", *parts[0]]
    if rng.random() < 0.4:
        words = ["this", tone, noun, "shows", *parts[0]]
    for at, part in enumerate(parts[1:], start=2):
        words += [*(("and", "we", "see") if at == len(parts) else (",",)), *part]
    return [*words, "in", "the", tone, noun, "."] if "this" not in words else [*words, "."]
