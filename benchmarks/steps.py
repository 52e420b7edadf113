"""How long the steps of profiles take, as they run and in the straightforward form.

The straightforward form is what the publications' code does: each network by itself, all of every
window, float32, eager, without the memory policy of `streamer.engine.allocator`. Both forms live in
processes of their own and step in turns, so that a busy machine disturbs both alike.

`benchmarks.cpu` and `benchmarks.gpu` say on which device.
"""

import argparse
import dataclasses
import multiprocessing
import os
import platform
import time
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from importlib import resources
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
import soundfile
import torch
from torch import Tensor

from benchmarks.render import peak_memory, synchronize
from benchmarks.windows import snr
from restem.models.cascade import Cascade, Repair
from restem.models.stems import STEMS
from restem.streamer.builder import build_profile, pick_device, pick_precision, stage_networks
from restem.streamer.descriptions import missing_weights
from restem.streamer.engine.allocator import keep_freed_memory
from restem.streamer.engine.latency import count_latency
from restem.streamer.model.chunked import Chunked
from restem.streamer.model.combine import Series
from restem.streamer.model.graphed import Graphed
from restem.streamer.model.protocol import StreamingModel
from restem.streamer.profiles import (
    SEEDED,
    Profile,
    RepairConfig,
    SeparatorConfig,
    Window,
    profile_names,
    read_profile,
)

COLUMNS = (
    "profile",
    "precision",
    "stems",
    "block, ms",
    "steps",
    "p50, ms",
    "p99, ms",
    "p99.9, ms",
    "worst, ms",
    "real-time factor",
    "live latency, ms",
    "memory, MB",
    "growth, MB",
    "stage 1, dB",
    "all, dB",
    "straightforward, ms",
    "ratio",
)
NETWORKS = ("dtt-bsr", "demucs-l")  # that can be measured alone
NETWORK_SAMPLES = 147456
HOST_BLOCK = 256  # samples, to count the latency of
PATIENCE_SECONDS = 3600.0
AGREED_SAMPLES = 96000  # of the demo song, on which forms are compared


class Separately:
    """A cascade, each network by itself and over all of a window."""

    def __init__(
        self, profile: Profile, stems: Sequence[str], place: torch.device, stage: str
    ) -> None:
        self.sample_rate, self.stems, self.channels = profile.sample_rate, tuple(stems), 2
        self.device, self.input_shape = place, (2,) if stage != "repair" else (len(stems), 2)
        self.networks = {
            name: [
                network.to(place)
                for network in stage_networks(config, profile.stems, stems).values()
            ]
            for name, config in (("separator", profile.separator), ("repair", profile.repair))
            if config is not None and stage in (name, "both")
        }

    def __call__(self, audio: Tensor) -> Tensor:
        for name, networks in self.networks.items():
            inputs = audio if audio.ndim == 3 else [audio] * len(networks)
            audio = torch.stack(
                [self._one(name, n, x) for n, x in zip(networks, inputs, strict=True)]
            )
        return audio

    def _one(self, stage: str, network: Any, audio: Tensor) -> Tensor:
        """[c, n] -> [c, n]."""
        together = network.config.channels == 2
        batch = audio[None] if together else audio[:, None]
        if stage == "repair":
            answer: Tensor = network.repair(batch)
        else:
            answer = network(batch if together else audio)
        return answer.reshape(audio.shape)


def straightforward(profile: Profile, stems: Sequence[str], place: torch.device) -> StreamingModel:
    """The same windows and latency."""
    assert profile.separator.window is not None
    window = dataclasses.asdict(profile.separator.window)
    repair = profile.repair
    if repair is None or not repair.exact:
        stage = "separator" if repair is None else "both"
        return Chunked(Separately(profile, stems, place, stage), **window)
    network = next(iter(stage_networks(repair, profile.stems, stems[:1]).values()))
    past, future = network.receptive_field
    context = -(-past // network.stride) * network.stride
    return Series(
        Chunked(Separately(profile, stems, place, "separator"), **window),
        Chunked(
            Separately(profile, stems, place, "repair"),
            block_size=window["block_size"],
            context=context,
            lookahead=future,
        ),
    )


def described(name: str, precision: str | None = None) -> Profile:
    """A profile with noise for the weights of paper-size networks: the speed is the same.

    The name of a network stands for windows of that network alone, all of whose answer is used.
    """
    if name in NETWORKS:
        window = Window(block_size=NETWORK_SAMPLES)
        profile = Profile("", SeparatorConfig("dtt-bsr", SEEDED, window=window))
        repair = RepairConfig(weights=SEEDED) if name == "demucs-l" else None
        profile = dataclasses.replace(profile, repair=repair)
    else:
        profile = read_profile(name)
    if profile.separator.window is not None or missing_weights(profile):
        profile = profile.seeded()
    return dataclasses.replace(profile, precision=precision or profile.precision)


def build_form(form: str, name: str, precision: str, count: int, device: str) -> StreamingModel:
    profile, place = described(name, precision), pick_device(device)
    stems = profile.stems[:count]
    if form == "straightforward":
        model = straightforward(profile, stems, place)
    else:
        model = build_profile(profile, device, stems)
    if isinstance(model, Graphed) and (form == "eager" or name in NETWORKS):
        model = model.model
    return model.models[1] if name == "demucs-l" and isinstance(model, Series) else model


def precisions(name: str, device: str) -> list[str]:
    """Those to measure: float32, and what `auto` picks here."""
    if described(name).separator.window is None:
        return ["float32"]
    fast = pick_precision("auto", pick_device(device))
    return list(dict.fromkeys(("float32", str(fast).removeprefix("torch."))))


def serve(
    build: Callable[[], StreamingModel], policy: bool, threads: int, line: Connection
) -> None:
    """A process: step once for each word that comes, and say how long it took."""
    warnings.simplefilter("ignore")
    if policy:
        keep_freed_memory()
    torch.set_num_threads(threads)
    generator = torch.Generator().manual_seed(0)
    with torch.inference_mode():
        model = build()
        state = model.init_state()
        line.send((model.block_size, model.latency, model.sample_rate))
        shape = model.network.input_shape if isinstance(model, Chunked) else (model.channels,)
        while line.recv():
            block = 0.1 * torch.randn(*shape, model.block_size, generator=generator)
            began = time.perf_counter()
            stems, state = model.step(block.to(model.device), state)
            stems.cpu()
            synchronize(model.device)
            line.send((time.perf_counter() - began, peak_memory(model.device)))


class Form:
    """One form of a profile in a process of its own."""

    def __init__(
        self, form: str, name: str, precision: str, count: int, args: argparse.Namespace
    ) -> None:
        self.title = f"{name}, {precision}, {count} stems, {form}"
        context = multiprocessing.get_context("spawn")
        self.line, far = context.Pipe()
        build = partial(build_form, form, name, precision, count, args.device)
        policy = form != "straightforward"
        self.process = context.Process(
            target=serve, args=(build, policy, args.threads, far), daemon=True
        )
        self.process.start()
        far.close()
        self.block_size, self.latency, self.sample_rate = self._hear()
        self.seconds: list[float] = []
        self.memory: list[float] = []

    def _hear(self) -> Any:
        if not self.line.poll(PATIENCE_SECONDS):
            raise SystemExit(f"{self.title}: more than an hour for a step: measure less")
        try:
            return self.line.recv()
        except EOFError as error:
            raise SystemExit(f"{self.title}: it ended, as it says above") from error

    def step(self, count: bool = True) -> None:
        self.line.send(True)
        seconds, memory = self._hear()
        if count:
            self.seconds.append(seconds)
            self.memory.append(float(memory))

    def close(self) -> None:
        self.line.send(False)
        self.process.join()


@torch.inference_mode()
def agreement(profile: Profile, device: str) -> list[float]:
    """SNR against the straightforward form after stage 1 and after both, of one stem, in dB."""
    with resources.as_file(resources.files("restem.bridge") / "demo_song" / "mix.flac") as path:
        audio, _ = soundfile.read(path, frames=AGREED_SAMPLES, dtype="float32", always_2d=True)
    place = pick_device(device)
    model: Any = build_profile(profile, device, STEMS[:1])
    model = getattr(model, "model", model)
    mine = theirs = torch.from_numpy(audio.T.copy()).to(place)
    scores = []
    for stage, network in stages(model).items():
        mine = network.whole(mine) if isinstance(network, Repair) else network(mine)
        theirs = Separately(profile, STEMS[:1], place, stage)(theirs)
        scores.append(snr(theirs, mine))
    return scores


def stages(model: Any) -> dict[str, Any]:
    """The networks of a windowed profile."""
    networks = [part.network for part in getattr(model, "models", (model,))]
    if isinstance(networks[0], Cascade):
        networks = [networks[0].separator, networks[0].repair]
    return dict(zip(("separator", "repair"), networks, strict=False))


def measure(name: str, precision: str, count: int, args: argparse.Namespace) -> list[str]:
    """A row of the table."""
    profile = described(name, precision)
    windowed = profile.separator.window is not None
    wanted = ["graph" if args.device == "cuda" else "eager"]
    wanted += ["straightforward"] * (windowed and not args.alone)
    wanted += ["eager"] * (args.device == "cuda")
    forms = [Form(form, name, precision, count, args) for form in wanted]
    mine, began = forms[0], time.monotonic()
    for form in forms:
        for _ in range(args.warm_up):
            form.step(count=False)
    while len(mine.seconds) < args.steps and (
        len(mine.seconds) < 3 or time.monotonic() - began < args.seconds
    ):
        for form in forms:
            form.step()
    for form in forms:
        form.close()
    block = 1000 * mine.block_size / mine.sample_rate
    times = 1000 * np.percentile(mine.seconds, (50, 99, 99.9, 100))
    model = {"latency": mine.latency, "block_size": mine.block_size}
    latency = count_latency(model, HOST_BLOCK, profile.live.allowance).total
    cells = [name, precision, str(count), f"{block:.1f}", str(len(mine.seconds))]
    cells += [f"{value:.1f}" for value in times] + [f"{times[0] / block:.3f}"]
    cells += [f"{1000 * latency / mine.sample_rate:.0f}"]
    half = mine.memory[len(mine.memory) // 2]
    cells += [f"{mine.memory[-1]:.0f}", f"{mine.memory[-1] - half:.0f}"]
    scores = agreement(profile, args.device) if windowed and not args.alone else []
    cells += [f"{score:.1f}" for score in scores] + [""] * (2 - len(scores))
    others = dict(zip(wanted[1:], forms[1:], strict=True))
    for form in ("straightforward", "eager"):
        value = 1000 * float(np.median(others[form].seconds)) if form in others else None
        cells += ["", ""] if value is None else [f"{value:.1f}", f"{value / times[0]:.2f}"]
    return cells


def main(device: str, description: str) -> None:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--profiles", default=",".join((*NETWORKS, *profile_names())))
    parser.add_argument("--stems", default="1,8", help="how many, e.g. 1,8")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="of a CPU")
    parser.add_argument("--steps", type=int, default=2000, help="at most, of each row")
    parser.add_argument("--seconds", type=float, default=60.0, help="about, of each row")
    parser.add_argument("--warm-up", type=int, default=2, help="steps that are not counted")
    parser.add_argument("--alone", action="store_true", help="not the straightforward form")
    args = parser.parse_args()
    args.device = device
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "0")  # stems would be spread over all
    try:
        profiles = {name: described(name) for name in args.profiles.split(",")}
    except ValueError as error:
        raise SystemExit(str(error)) from error
    columns = [*COLUMNS, "eager, ms", "ratio"] if device == "cuda" else [*COLUMNS]
    machine = torch.cuda.get_device_name() if device == "cuda" else platform.machine()
    print(f"{machine}, {args.threads} threads, PyTorch {torch.__version__}\n")
    print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}", flush=True)
    for name, profile in profiles.items():
        most = len(profile.stems)
        for precision in precisions(name, device):
            for count in sorted({min(int(each), most) for each in args.stems.split(",")}):
                row = measure(name, precision, count, args)
                print(f"| {' | '.join(row[: len(columns)])} |", flush=True)
