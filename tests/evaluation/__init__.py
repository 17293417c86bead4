"""What a model does: retrieval, statements of captions, intervals."""
