"""Building the plugin: a C++ compiler and DPF on this machine, our sources, the kernel's object."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib import resources
from pathlib import Path

from restem.bridge.plugin.abi import header
from restem.bridge.plugin.dpf import WANTED, find_dpf, patched_dpf
from restem.bridge.plugin.formats import BINARIES, FORMATS
from restem.bridge.plugin.native import export_kernel, runtime_source

FLAGS = ("-std=c++17", "-O2", "-fPIC", "-fvisibility=hidden", "-DNDEBUG", "-Wall", "-Wextra")
LINKED = ("-shared", "-Wl,--no-undefined", "-lrt", "-lpthread", "-lm")
Notify = Callable[[str], None]


def find_compiler() -> str:
    """Path of a C++ compiler.

    Raises:
        ValueError: there is none; the packages are named.
    """
    wanted = [name] if (name := os.environ.get("CXX")) else ["g++", "clang++", "c++"]
    for name in wanted:
        if path := shutil.which(name):
            return path
    raise ValueError(f"no C++ compiler ({', '.join(wanted)}) here; {WANTED}")


def build(
    output: Path,
    formats: Sequence[str] = FORMATS,
    profiles: Sequence[str] = (),
    notify: Notify = lambda text: None,
) -> list[Path]:
    """Build bundles of the plugin into a folder.

    Args:
        output: folder; bundles of the same names are replaced.
        formats: some of `FORMATS`.
        profiles: those of its menu, the default first; all of the package if empty.
        notify: gets a line for each step.

    Returns:
        Paths of the bundles.

    Raises:
        ValueError: the compiler, DPF or a profile is missing, or something does not compile.
    """
    if sys.platform != "linux":
        raise ValueError("the plugin is built on Linux only so far")
    compiler, dpf = find_compiler(), find_dpf()
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        notify("the engine's kernel, through LLVM")
        (work / "restem_abi.h").write_text(header(profiles), encoding="utf-8")
        (work / "runtime.cpp").write_text(runtime_source(export_kernel(work / "kernel.o")))
        framework = patched_dpf(dpf, work / "dpf")
        with resources.as_file(resources.files("restem.bridge.plugin") / "native") as sources:
            flags = (*FLAGS, *(f"-I{f}" for f in (work, sources, framework)))
            for source in (sources / "plugin.cpp", work / "runtime.cpp"):
                notify(source.name)
                compile_to(compiler, work / f"{source.stem}.o", "-c", *flags, str(source))
            objects = [str(work / f"{name}.o") for name in ("plugin", "runtime", "kernel")]
            arguments = [*flags, *objects]
            with ThreadPoolExecutor(os.cpu_count()) as pool:  # each runs a compiler
                one = partial(_bundle, compiler, work, output, arguments, notify)
                return list(pool.map(one, formats))


def _bundle(
    compiler: str, work: Path, output: Path, arguments: Sequence[str], notify: Notify, kind: str
) -> Path:
    """Link one format, and put it in its place whole."""
    notify(BINARIES[kind])
    target = work / BINARIES[kind]
    target.parent.mkdir(parents=True, exist_ok=True)
    main = str(work / "dpf" / "DistrhoPluginMain.cpp")
    define = f"-DDISTRHO_PLUGIN_TARGET_{kind.upper()}"
    # The framework's own warnings are not ours to mend.
    compile_to(compiler, target, define, *arguments, "-w", main, *LINKED)
    if kind == "lv2":
        _describe_lv2(target)
    bundle = work / BINARIES[kind].partition("/")[0]
    place = output / bundle.name
    if place.is_dir():
        shutil.rmtree(place)
    place.unlink(missing_ok=True)
    return Path(shutil.move(bundle, place))


def _describe_lv2(binary: Path) -> None:
    """Have the binary write the Turtle files of its bundle, in a process of its own."""
    call = "import ctypes, sys; ctypes.CDLL(sys.argv[1]).lv2_generate_ttl(sys.argv[2].encode())"
    _run([sys.executable, "-c", call, str(binary), binary.stem], binary.parent)


def compile_to(compiler: str, target: Path, *arguments: str) -> None:
    """Run the compiler.

    Raises:
        ValueError: it complains; the first line that says so.
    """
    _run([compiler, "-o", str(target), *arguments], target.parent)


def _run(command: Sequence[str], folder: Path) -> None:
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if result.returncode:
        lines = (result.stderr or result.stdout).splitlines()
        wrong = [line for line in lines if "error" in line or "undefined" in line] or lines[-1:]
        raise ValueError(f"{Path(command[0]).name}: {' '.join(wrong[:1]) or 'failed'}")
