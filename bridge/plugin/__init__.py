"""The DAW plugin: its service, and its native half."""
