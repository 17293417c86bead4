"""How good captions are: the field's metrics, equal to pycocoevalcap, and what the captions state."""
