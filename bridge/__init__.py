"""The outside world: files, weights, the command line; all that can fail or be plugged out."""
