"""MIDI controllers: what they move, and what is sent back to them."""
