"""Trainers, one for each kind of network."""
