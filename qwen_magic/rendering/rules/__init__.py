"""Rules that CommonMark does not have, and that answers of a model need; a module each.

They parse only: how their tokens look is the business of `qwen_magic.rendering.parser`.
"""
