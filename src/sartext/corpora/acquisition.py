"""Facts of acquisition: which sensor took an image, when, and how, as far as its file or its name says so.

A catalogue file names where they stand (``acquisition``); names of Sentinel-1 products are known. A fact that
nobody states is unknown, and so is one that cannot be read.
"""

import math
import re
import warnings
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sartext.catalogue.entry import Entry
from sartext.corpora.images import TIFF_MARKS

PRODUCT = re.compile(r"S1[ABCD]_(?:IW|EW|WV|S\d)_(?:GRD|SLC|RAW|OCN)._\d[SA][SD][HV]_(?P<acquired>\d{8}T\d{6})_")
"""A name of a product of Sentinel-1, with the start of its acquisition."""

BANDS = {
    "sentinel-1": "C",
    "radarsat-1": "C",
    "radarsat-2": "C",
    "gaofen-3": "C",
    "terrasar-x": "X",
    "tandem-x": "X",
    "cosmo-skymed": "X",
    "alos-2": "L",
}
"""Radar band of sensors that have one."""

LOOKS = {"sentinel-1": "right"}
"""Where a sensor always looks, seen along its track."""

_TIMES = ("%Y%m%dT%H%M%S", "%Y-%m-%dT%H:%M:%S", "%Y:%m:%d %H:%M:%S", "%Y-%m-%d %H:%M:%S")
_DAYS = ("%Y%m%d", "%Y-%m-%d", "%Y/%m/%d", "%Y:%m:%d")
_WORDS = {
    "orbit": ("ascending", "descending"),
    "look": ("right", "left"),
}


def acquisition_of(entry: Entry, path: str, content: bytes) -> tuple[dict[str, Any], list[str]]:
    """Return the facts of an image by `tables.ACQUISITION`, None where unknown, and what could not be read.

    What the file's tags say goes before its name, and that before what the catalogue says of the whole corpus.
    """
    declared = entry.acquisition
    stated: dict[str, str] = {str(name): text for name, text in declared.facts.items()} if declared else {}
    if match := PRODUCT.search(path):
        stated |= match.groupdict()
    if declared and declared.name and (match := re.search(declared.name, path)):
        stated |= {name: text for name, text in match.groupdict().items() if text}
    if declared and declared.tags:
        known = _tags(content)
        stated |= {name: known[tag] for name, tag in declared.tags.items() if known.get(tag)}
    sensor = stated.get("sensor") or entry.sensor
    facts: dict[str, Any] = {
        "sensor": sensor,
        "band": _band(sensor),
        "resolution_m": entry.resolution_m[0] if len(entry.resolution_m) == 1 else None,
        "acquired": None,
        "orbit": None,
        "look": LOOKS.get(sensor.casefold()),
    }
    odd = []
    for name, text in stated.items():
        value = _read(name, text.strip())
        if value is None:
            odd.append(f"{name} '{text}'")
        else:
            facts[name] = value
    return facts, odd


def _read(name: str, text: str) -> str | float | None:
    if name == "acquired":
        return _date(text)
    if name in _WORDS:
        return next((word for word in _WORDS[name] if text and word.startswith(text.casefold())), None)
    if name == "resolution_m":
        try:
            return float(text) if 0 < float(text) < math.inf else None
        except ValueError:
            return None
    return text.upper() if name == "band" else text


def _date(text: str) -> str | None:
    """A date, and the time where there is one, as ISO 8601 writes them; a year and a month are no date."""
    text = text.removesuffix("Z")
    for formats, written in ((_TIMES, "%Y-%m-%dT%H:%M:%S"), (_DAYS, "%Y-%m-%d")):
        for form in formats:
            try:
                found = datetime.strptime(text, form)
            except ValueError:
                continue
            if found.strftime(form) == text:  # strptime reads 202011 as the first of January
                return found.strftime(written)
    return None


def _band(sensor: str) -> str | None:
    """The band that all sensors of a list have, or that the text names."""
    if match := re.search(r"\b([CLPSX])[ -]band\b", sensor):
        return match.group(1)
    bands = {BANDS.get(name.strip().casefold()) for name in sensor.split(",")}
    return bands.pop() if len(bands) == 1 else None


def _tags(content: bytes) -> Mapping[str, str]:
    if not content.startswith(TIFF_MARKS):
        return {}
    import rasterio  # takes long to load
    from rasterio.errors import NotGeoreferencedWarning, RasterioError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.MemoryFile(content) as memory, memory.open(driver="GTiff") as dataset:
                return {str(name): str(value) for name, value in dataset.tags().items()}
    except RasterioError:
        return {}
