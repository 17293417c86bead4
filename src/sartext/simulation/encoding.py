"""PNG and GeoTIFF files whose bytes depend on the pixels alone.

Both are written uncompressed by hand: what a library writes depends on its zlib, its version and its defaults,
and `data.dvc` pins these bytes on every machine.
"""

import struct
import zlib
from typing import Final

import numpy as np
from numpy.typing import NDArray

STORED: Final = 65535
"""Largest block that deflate stores without compression."""


def png(pixels: NDArray[np.uint8]) -> bytes:
    """Return an 8-bit PNG of pixels of shape (height, width) or (height, width, 3), uncompressed."""
    height, width = pixels.shape[:2]
    colour_type = 2 if pixels.ndim == 3 else 0
    rows = np.zeros((height, 1 + pixels[0].size), dtype=np.uint8)  # each row begins with its filter: none
    rows[:, 1:] = pixels.reshape(height, -1)
    header = struct.pack(">IIBBBBB", width, height, 8, colour_type, 0, 0, 0)
    chunks = (_chunk(b"IHDR", header), _chunk(b"IDAT", _stored(rows.tobytes())), _chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _stored(content: bytes) -> bytes:
    """A zlib stream of stored blocks (RFC 1950, RFC 1951)."""
    parts = [b"\x78\x01"]
    for start in range(0, len(content), STORED):
        block = content[start : start + STORED]
        last = start + STORED >= len(content)
        parts.append(struct.pack("<BHH", int(last), len(block), len(block) ^ 0xFFFF) + block)
    parts.append(struct.pack(">I", zlib.adler32(content)))
    return b"".join(parts)


def geotiff(
    bands: NDArray[np.float32], corner: tuple[float, float], pixel: float, epsg: int, nodata: float
) -> bytes:
    """Return a float32 GeoTIFF, one strip per band (planar), uncompressed, little-endian.

    Args:
        bands: shape (bands, height, width).
        corner: easting and northing of the upper left corner in metres.
        pixel: metres per pixel.
        epsg: code of a projected reference system.
        nodata: value of pixels without data, written as GDAL does (tag 42113).
    """
    count, height, width = bands.shape
    content = np.ascontiguousarray(bands, dtype="<f4").tobytes()
    strip = height * width * 4
    keys = (1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, epsg)
    tags: list[tuple[int, str, tuple[int | float, ...] | bytes]] = [
        (256, "I", (width,)),
        (257, "I", (height,)),
        (258, "H", (32,) * count),
        (259, "H", (1,)),
        (262, "H", (1,)),
        (273, "I", tuple(8 + index * strip for index in range(count))),
        (277, "H", (count,)),
        (278, "I", (height,)),
        (279, "I", (strip,) * count),
        (284, "H", (2,)),
        (338, "H", (0,) * (count - 1)),
        (339, "H", (3,) * count),
        (33550, "d", (pixel, pixel, 0.0)),
        (33922, "d", (0.0, 0.0, 0.0, *corner, 0.0)),
        (34735, "H", keys),
        (42113, "s", f"{nodata:g}\0".encode("ascii")),
    ]
    directory = [tag for tag in tags if len(tag[2])]
    return struct.pack("<2sHI", b"II", 42, 8 + len(content)) + content + _directory(directory, 8 + len(content))


def _directory(tags: list[tuple[int, str, tuple[int | float, ...] | bytes]], offset: int) -> bytes:
    """The image file directory (TIFF 6.0, section 2) at a file offset, and the values that do not fit in it."""
    types = {"H": 3, "I": 4, "d": 12, "s": 2}
    entries, values = [], b""
    start = offset + 2 + 12 * len(tags) + 4
    for code, kind, value in tags:
        raw = value if isinstance(value, bytes) else struct.pack(f"<{len(value)}{kind}", *value)
        if len(raw) <= 4:
            field = raw.ljust(4, b"\0")
        else:
            field = struct.pack("<I", start + len(values))
            values += raw + b"\0" * (len(raw) % 2)
        entries.append(struct.pack("<HHI", code, types[kind], len(value)) + field)
    return struct.pack("<H", len(tags)) + b"".join(entries) + struct.pack("<I", 0) + values
