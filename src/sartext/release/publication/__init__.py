"""Publication: an immutable version with manifest, provenance, card and changes, if anything changed."""

from sartext.release.publication.publishing import publish

__all__ = ["publish"]
