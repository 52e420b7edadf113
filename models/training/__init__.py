"""How the embedded networks are trained: songs, degradations, losses, metrics, the loop."""
