"""How long the steps of profiles take on an NVIDIA GPU, in one table; see `benchmarks.steps`.

    python -m benchmarks.gpu [--profiles live-gpu,studio] [--stems 1,8] [--seconds 60]

Beside the straightforward form stands the eager one: the same model without its CUDA graph.
"""

import torch

from benchmarks.steps import main

if __name__ == "__main__":
    if not torch.cuda.is_available():
        raise SystemExit("PyTorch finds no CUDA GPU here: see benchmarks.cpu")
    main("cuda", "Time the steps of profiles on a GPU.")
