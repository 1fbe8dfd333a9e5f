"""Code between answers and the notebook's cells: code taken out of an answer, a cell changed, an error described.

Values and pure functions. Not for drawing them (`rendering`), for asking (`assistant`), or for telling a page to change
a cell (`magics`). Nothing here runs code.
"""
