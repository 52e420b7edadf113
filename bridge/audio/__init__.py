"""Audio devices: PortAudio and JACK, their native callbacks, the drift between their clocks."""
