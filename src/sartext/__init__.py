"""SAR-Text: SAR image-text pairs from public annotations, checked and released reproducibly."""

__version__ = "0.1.0"
