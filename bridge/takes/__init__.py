"""Takes: recordings of a live session, their sidecar, rendering them again."""
