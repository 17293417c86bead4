"""The candidate: captioned SAR images with all that a release says of them; and every source image's fate."""

from sartext.release.candidate.joining import build_candidate, content_sha256

__all__ = ["build_candidate", "content_sha256"]
