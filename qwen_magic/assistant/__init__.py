"""One question from prompt to kept turn."""
