"""Source corpora: readers by format, radiometry, the index of a corpus and what was left out of it.

`index.build_index` is the stage; `images` is what later stages use to look at an image of the index.
"""
