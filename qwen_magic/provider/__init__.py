"""Who is asked: names resolved to endpoints with their keys, their models, and what has been started for it."""
