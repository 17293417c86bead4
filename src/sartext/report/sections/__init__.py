"""The sections of the page, one module each: a function from what was found to HTML."""
