"""The quality gate: which candidate may become a release."""
