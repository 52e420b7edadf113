"""Sessions: an engine with a device, or fed with files and streams."""
