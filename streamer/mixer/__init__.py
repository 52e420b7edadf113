"""The mixer: parameters, routing, and the kernel that runs in the audio thread."""
