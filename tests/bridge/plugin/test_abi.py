"""What both halves must agree on."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from restem.bridge.plugin import abi, lobby
from restem.bridge.plugin.abi import DEFAULT, RATES, constants, header, host_parameters
from restem.bridge.plugin.build import FLAGS, find_compiler
from restem.bridge.plugin.service import quote
from restem.bridge.settings import Settings
from restem.models.stems import STEMS
from tests.support.dpf import needs_dpf

SHOWN = """
#include <cstdio>
#include "client.h"
extern "C" void restem_process(std::int64_t*, std::int64_t) {{}}
int main() {{
    {lines}
    for (int profile = 0; profile < restem::PROFILE_COUNT; ++profile)
        for (int rate : restem::RATES)
            for (int block : {{1, 64, 256, 1000, 4096}})
                std::printf("%s %d %d %d\\n", restem::PROFILES[profile].name, rate, block,
                            restem::count_latency(profile, rate, block));
    for (const auto& row : restem::PARAMETERS)
        std::printf("%s %g %g %g\\n", row.symbol, row.low, row.high, row.initial);
}}
"""


def test_the_hosts_parameters_are_those_of_the_one_table() -> None:
    symbols = [each.symbol for each in host_parameters()]
    assert len(set(symbols)) == len(symbols) == 4 * len(STEMS) + 4 <= lobby.VALUES
    assert symbols[:4] == ["vocals_gain_db", "vocals_mute", "vocals_solo", "vocals_pan"]
    assert symbols[-4:] == ["dry_wet", "master_gain_db", "bypass", "ceiling"]
    assert host_parameters()[0].label == "Vocals gain"


def test_a_profile_without_a_stem_leaves_its_port_silent() -> None:
    outputs = abi.port_routing(["drums", "tambourine"]).outputs
    assert outputs[:2] == ("master.left", "master.right")
    assert outputs[2:] == (*["silence"] * 10, "drums.left", "drums.right", *["silence"] * 4)


def test_another_layout_has_another_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    before = abi.abi_hash()
    monkeypatch.setattr(lobby, "VERSION", 2)
    assert abi.abi_hash() != before


@needs_dpf
def test_the_header_says_in_cpp_what_python_says(tmp_path: Path, profile: str) -> None:
    numbers = constants()
    lines = "\n".join(
        f'std::printf("{name} %lld\\n", (long long)restem::{name});' for name in numbers
    )
    (tmp_path / "restem_abi.h").write_text(header([DEFAULT, profile]))
    (tmp_path / "show.cpp").write_text(SHOWN.format(lines=lines))
    native = Path(abi.__file__).parent / "native"
    command = [find_compiler(), *FLAGS, f"-I{tmp_path}", f"-I{native}", "show.cpp", "-o", "show"]
    made = subprocess.run(
        [*command, "-lrt", "-lpthread"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (made.returncode, made.stderr) == (0, "")
    said = subprocess.run([tmp_path / "show"], capture_output=True, text=True, check=True).stdout
    expected = [f"{name} {number}" for name, number in numbers.items()]
    for name in (DEFAULT, profile):
        for rate in RATES:
            for block in (1, 64, 256, 1000, 4096):
                wanted = Settings(name, rate=rate, host_block_size=block, varies=True)
                expected.append(f"{name} {rate} {block} {quote(wanted)}")
    for each in host_parameters():
        row = each.row
        limits = (f"{float(value):g}" for value in (row.low, row.high, row.default))
        expected.append(" ".join((each.symbol, *limits)))
    assert said.splitlines() == expected


def test_names_in_the_header_are_quoted() -> None:
    names = re.findall(r'^    \{("[^"]+"), \{', header(), flags=re.MULTILINE)
    assert json.loads(names[0]) == DEFAULT
