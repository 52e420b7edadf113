"""Songs to train on: layouts, activity, rendering of MIDI, degradations."""
