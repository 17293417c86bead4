"""The value that a file itself says to mean no data."""

import warnings

from sartext.corpora.images import TIFF_MARKS
from sartext.corpora.quarantine import Unusable


def tagged_nodata(content: bytes) -> float | None:
    """Return the value that means no data in a TIFF (GDAL's tag 42113); None where it states none.

    Of a picture with a palette the tag is an index, not one of the colours that its pixels are: None.

    Raises:
        Unusable: ``truncated-image``.
    """
    if not content.startswith(TIFF_MARKS):
        return None
    import rasterio  # it takes long to load
    from rasterio.enums import ColorInterp
    from rasterio.errors import NotGeoreferencedWarning, RasterioError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with (
                rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR"),
                rasterio.MemoryFile(content) as memory,
                memory.open(driver="GTiff") as dataset,
            ):
                if dataset.nodata is None or dataset.colorinterp[0] == ColorInterp.palette:
                    return None
                return float(dataset.nodata)
    except RasterioError as error:
        raise Unusable("truncated-image", f"{type(error).__name__}: {error}") from error
