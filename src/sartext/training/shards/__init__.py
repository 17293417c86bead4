"""Image-caption pairs as training reads them: tar files in WebDataset's layout, and an index for random access."""
