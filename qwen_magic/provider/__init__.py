"""The endpoint that is asked: names resolved to endpoints with keys, their models, and engines started for them."""
