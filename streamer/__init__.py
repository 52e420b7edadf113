"""The real-time core: streaming models, any host block size, exact latency."""
