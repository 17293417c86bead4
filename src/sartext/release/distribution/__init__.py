"""Bringing releases to others and back: pushed to the remotes of DVC, pulled from them, uploaded to a hub.

A remote is never trusted: what comes from it counts once its bytes are those that the manifest names, and the
manifest once it is the one of the version that was asked for.
"""
