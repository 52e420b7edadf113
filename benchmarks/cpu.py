"""How long the steps of profiles take on the CPU, in one table; see `benchmarks.steps`.

    python -m benchmarks.cpu [--profiles live-cpu,offline] [--stems 1,8] [--seconds 60]

A network of the papers' size takes many seconds a step here: all profiles take about an hour.
"""

from benchmarks.steps import main

if __name__ == "__main__":
    main("cpu", "Time the steps of profiles on the CPU.")
