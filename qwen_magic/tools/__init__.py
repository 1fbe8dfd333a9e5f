"""Functions that the model may call: what it is told of them, who allows a call, and what comes back."""
