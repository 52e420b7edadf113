"""`restem verify` finds nothing where nothing is wrong, and what a test breaks."""

import numpy as np
import pytest
import torch

from restem.bridge import verify as module
from restem.bridge.cli.main import main
from restem.bridge.settings import Settings
from restem.bridge.verify import Check, best_lag, verify
from tests.support.tiny_networks import PROFILE, noise

SECONDS = 1.5


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("profile") / "small.yaml"
    path.write_text(PROFILE)
    return str(path)


def run(profile: str) -> dict[str, Check]:
    checks = verify(Settings(profile, host_block_size=512, allowance=24000), seconds=SECONDS)
    return {check.promise: check for check in checks}


def test_promises_that_are_kept_pass(profile: str) -> None:
    checks = run(profile)
    sound = {promise: c for promise, c in checks.items() if "callback" not in promise}
    assert all(check.passed for check in sound.values()), sound
    assert len(checks) == 7


def test_a_render_that_is_something_else_is_found(
    profile: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    true = module.render

    def early(model: object, mix: torch.Tensor) -> torch.Tensor:
        return torch.roll(true(model, mix), -3, dims=-1)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "render", early)
    checks = run(profile)
    broken = [promise for promise, check in checks.items() if check.passed is False]
    assert "latency of the stems (vocals)" in broken
    assert "stems[n + latency] == render(mix)[n]" in broken
    assert "latency of bypass and dry mix" not in broken


def test_the_exit_code_says_whether_a_promise_is_broken(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for passed, code in ((True, 0), (None, 0), (False, 1)):
        check = Check("a promise", "1", "0", passed)
        monkeypatch.setattr(module, "verify", lambda *_, check=check: [check])
        assert main(["verify"]) == code
        assert "a promise" in capsys.readouterr().out


@pytest.mark.parametrize("lag", [0, 1, 777, -5])
def test_a_lag_is_found_to_the_sample(lag: int) -> None:
    sound = noise(4000).numpy()[0]
    heard = np.roll(np.pad(sound, 1000), lag)
    assert best_lag(heard, np.pad(sound, 1000)) == lag
