"""Where a georeferenced image lies on the ground."""

import warnings

from sartext.corpora.images import TIFF_MARKS
from sartext.corpora.patches import Position


def footprint_of(content: bytes) -> Position | None:
    """Return the rectangle of a GeoTIFF in units of its coordinate system, whose name stands for the scene.

    Half a pixel is taken from each side, so that neighbours that touch do not overlap. None for a file without a
    named coordinate system, or one that cannot be read: that is told where it is decoded.
    """
    if not content.startswith(TIFF_MARKS):
        return None
    import rasterio  # takes long to load
    from rasterio.errors import NotGeoreferencedWarning, RasterioError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with (
                rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR"),
                rasterio.MemoryFile(content) as memory,
                memory.open(driver="GTiff") as dataset,
            ):
                if dataset.crs is None or dataset.transform.is_identity:
                    return None
                west, south, east, north = dataset.bounds
                wide, high = (abs(step) for step in dataset.res)
                corner = min(west, east) + wide / 2, min(south, north) + high / 2
                return Position(
                    dataset.crs.to_string(), *corner, abs(east - west) - wide, abs(north - south) - high
                )
    except RasterioError:
        return None
