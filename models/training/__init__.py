"""Training of the embedded networks: songs, degradations, losses, metrics, the loop."""
