"""Finding devices among some that the test makes up; streams want a server of their own."""

from types import SimpleNamespace

import pytest

from restem.bridge.audio import portaudio as audio

DEVICES = [
    {"name": "Built-in", "hostapi": 0, "max_input_channels": 2, "max_output_channels": 2},
    {"name": "Desk", "hostapi": 1, "max_input_channels": 2, "max_output_channels": 16},
    {"name": "Desk 2", "hostapi": 1, "max_input_channels": 0, "max_output_channels": 18},
]


@pytest.fixture(autouse=True)
def devices(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, object]]:
    listed = [{**device, "default_samplerate": 48000.0} for device in DEVICES]
    module = SimpleNamespace(
        query_devices=lambda: listed,
        query_hostapis=lambda: [{"name": "ALSA"}, {"name": "JACK"}],
        default=SimpleNamespace(device=(0, 0)),
    )
    monkeypatch.setattr(audio, "portaudio_module", lambda: module)
    return listed


@pytest.mark.parametrize(
    ("wanted", "inputs", "outputs", "name"),
    [
        (None, 2, 2, "Built-in"),
        (None, 2, 16, "Desk"),
        ("1", 2, 16, "Desk"),
        ("Desk", 2, 16, "Desk"),
        ("built", 2, 2, "Built-in"),
        ("desk 2", 0, 18, "Desk 2"),
    ],
)
def test_a_device_is_found_by_number_by_name_or_by_need(
    wanted: str | None, inputs: int, outputs: int, name: str
) -> None:
    assert audio.find_device(wanted, inputs, outputs).name == name


@pytest.mark.parametrize(
    ("wanted", "inputs", "outputs", "complaint"),
    [
        ("Mixer", 2, 2, r"no device 'Mixer' .*there are: 0 Built-in \(ALSA\) 2 in, 2 out; 1 Desk"),
        ("jack", 0, 2, r"several devices match 'jack': 1 Desk \(JACK\); 2 Desk 2 \(JACK\)"),
        ("Built-in", 2, 16, r"has 2 in, 2 out; needed: 2 in, 16 out; there are: 0 Built-in"),
        ("7", 2, 2, "no device '7' with 2 in, 2 out"),
        (None, 2, 64, "no device with 2 in, 64 out"),
    ],
)
def test_a_device_that_cannot_be_had_is_answered_with_the_candidates(
    wanted: str | None, inputs: int, outputs: int, complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        audio.find_device(wanted, inputs, outputs)


def test_a_machine_without_sound_is_told_so(devices: list[dict[str, object]]) -> None:
    devices.clear()
    with pytest.raises(ValueError, match="there is no sound device here; plug one in, or start"):
        audio.find_device(None, 2, 2)
