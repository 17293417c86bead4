"""Physics curves: what a model reads as looks, resolution and contrast change, and when one object is removed.

`settings` says what is varied and measured, `scenes` on which scenes, `imaging` how each is imaged, `rendering`
makes the set. `reading` is how a model is asked, `scoring` gives the figures.
"""
