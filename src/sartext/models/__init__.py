"""The models: CLIP and CoCa, their configurations, construction, loading and decoding."""
