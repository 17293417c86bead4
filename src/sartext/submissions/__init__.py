"""Anyone's model, captions or answers on the test split of a published release, and leaderboards of the scores."""
