"""The real-time engine: rings, workers, the audio thread's kernel."""
