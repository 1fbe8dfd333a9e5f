"""How an answer is shown while it arrives: a module for each kind of front-end."""
