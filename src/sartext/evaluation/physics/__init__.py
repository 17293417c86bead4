"""Physics curves: what a model reads as looks, resolution and contrast change, and when one object is removed.

`settings` says what is varied, `scenes` on which scenes, `imaging` how each is imaged, `rendering` makes the set.
`reading` is how a model is asked, `curves` and `pairs` make the figures, `scoring` gives all of them, `strips` the
pictures for the report.
"""
