"""The explorer of a release: a folder with a page that finds, filters and shows its images, from disk too.

It stands outside the release, which holds no file more, and is made anew from it at any time.
"""
