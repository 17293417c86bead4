"""The narrator: facts, text, and text read back."""
