"""The outside world: files, weights, the command line; everything that can fail or be plugged out."""
