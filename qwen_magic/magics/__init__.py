"""The IPython extension: `%%qwen`, `%qwen`, their options, completion and commands."""
