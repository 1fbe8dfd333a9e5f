"""Values that every other folder uses. Standard library only; no I/O."""
