"""Remote control: the tree of addresses, OSC, MIDI, presets, patches."""
