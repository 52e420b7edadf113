"""How fast each profile renders, and what the engine costs beside the bare steps.

    python -m benchmarks.render [--profiles live-cpu,offline] [--device auto] [--steps 200]

Prints a Markdown table. Profiles whose weights are not installed run with seeded noise for weights:
the time is the same. Overhead compares `render` to the bare steps on the same blocks, in turns and
in CPU time, so that a busy machine disturbs both alike and little.
"""

import argparse
import platform
import statistics
import subprocess
import sys
import time
import warnings

import torch

from restem.streamer.builder import build_profile
from restem.streamer.model.protocol import StreamingModel
from restem.streamer.profiles import profile_names, read_profile
from restem.streamer.stream import render_blocks

COLUMNS = (
    "profile",
    "weights",
    "stems",
    "block, ms",
    "step p50, ms",
    "p99, ms",
    "worst, ms",
    "real-time factor",
    "overhead",
    "peak memory, MB",
)


def build(name: str, device: str, stems: list[str] | None) -> tuple[StreamingModel, str]:
    """The profile as users have it, or with seeded noise where weights are missing."""
    profile = read_profile(name)
    try:
        return build_profile(profile, device, stems), "installed"
    except ValueError:
        return build_profile(profile.seeded(), device, stems), "noise"


def timed_steps(model: StreamingModel, blocks: list[torch.Tensor]) -> tuple[list[float], float]:
    """Seconds of every bare step, and of all of them by `clock`."""
    state, seconds, began = model.init_state(), [], clock(model)
    with torch.inference_mode():
        for block in blocks:
            step_began = time.perf_counter()
            _, state = model.step(block.to(model.device), state)
            synchronize(model.device)
            seconds.append(time.perf_counter() - step_began)
    return seconds, clock(model) - began


def timed_render(model: StreamingModel, blocks: list[torch.Tensor]) -> float:
    """Seconds by `clock` that `render` takes for so many blocks, those that flush it included."""
    late = -(-model.latency // model.block_size)
    began = clock(model)
    for _ in render_blocks(model, blocks[: max(len(blocks) - late, 0)]):
        pass
    synchronize(model.device)
    return clock(model) - began


def clock(model: StreamingModel) -> float:
    """CPU seconds of this process, which other processes disturb least; wall time on a GPU."""
    return time.process_time() if model.device.type == "cpu" else time.perf_counter()


def synchronize(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def measure(name: str, device: str, steps: int, rounds: int, stems: list[str] | None) -> str:
    model, weights = build(name, device, stems)
    blocks = [0.1 * torch.randn(model.channels, model.block_size) for _ in range(steps)]
    timed_steps(model, blocks[:3])
    every, ratios = [], []
    for _ in range(rounds):
        bare, seconds = timed_steps(model, blocks)
        per_step = timed_render(model, blocks) / steps_of_render(model, steps)
        ratios.append(per_step / (seconds / steps))
        every += bare
    every.sort()
    block = model.block_size / model.sample_rate
    cells = [name, weights, str(len(model.stems)), f"{1e3 * block:.1f}"]
    for share in (0.5, 0.99, 1.0):
        cells.append(f"{1e3 * every[min(int(share * len(every)), len(every) - 1)]:.2f}")
    cells.append(f"{statistics.mean(every) / block:.3f}")
    cells.append(f"{100 * (statistics.median(ratios) - 1):+.1f} %")
    cells.append(peak_memory(model.device))
    return f"| {' | '.join(cells)} |"


def peak_memory(device: torch.device) -> str:
    """Of the GPU, or of this process, in MB."""
    if device.type == "cuda":
        return f"{torch.cuda.max_memory_allocated(device) / 2**20:.0f}"
    try:
        import resource
    except ImportError:  # Windows
        return "unknown"
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit:.0f}"


def steps_of_render(model: StreamingModel, steps: int) -> int:
    """How many steps `timed_render` causes, given so many blocks."""
    late = -(-model.latency // model.block_size)
    samples = max(steps - late, 0) * model.block_size + model.latency
    return (samples + model.block_size - 1) // model.block_size


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the profiles.")
    parser.add_argument("--profiles", default=",".join(profile_names()))
    parser.add_argument("--device", default="auto")
    parser.add_argument("--stems", help="only these stems, e.g. vocals,drums (all)")
    parser.add_argument("--steps", type=int, default=200, help="steps a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, help="CPU threads")
    parser.add_argument("--only", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    stems = args.stems.split(",") if args.stems else None
    if args.only:
        warnings.simplefilter("ignore")
        print(measure(args.only, args.device, args.steps, args.rounds, stems))
        return
    if torch.cuda.is_available() and args.device != "cpu":
        print(torch.cuda.get_device_name())
    print(f"{platform.processor() or platform.machine()}, {torch.get_num_threads()} threads,")
    print(f"PyTorch {torch.__version__}, Python {platform.python_version()}\n")
    print(f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}", flush=True)
    for name in args.profiles.split(","):  # a process each: peak memory is a process's
        subprocess.run(
            [sys.executable, "-m", "benchmarks.render", *sys.argv[1:], "--only", name], check=True
        )


if __name__ == "__main__":
    main()
