"""Tests of the physics curves."""
