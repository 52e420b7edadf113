"""The interface of streaming models, and models made of other models."""
