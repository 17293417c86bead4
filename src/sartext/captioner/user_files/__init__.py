"""`sartext caption`: a user's own image files, which no stage captions."""
