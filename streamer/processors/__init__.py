"""Processors in the manner of Pedalboard: chains, native and Python effects."""
