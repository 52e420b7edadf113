"""The sizes of a small embedded network."""

PARAMS = {
    "n_fft": 128,
    "hop_length": 64,
    "bands": [[8, 2, 1], [4, 3, 4]],
    "separator_dim": 8,
    "summary_dim": 8,
    "repair_dim": 8,
}
