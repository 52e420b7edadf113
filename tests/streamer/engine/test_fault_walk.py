"""Whatever befalls the workers, every frame is stems or mix of its own time, or between them."""

from tests.support import fault_walk as walk


def test_ten_thousand_faults_bring_no_frame_of_another_time_and_the_stems_come_back() -> None:
    walked = walk.run(steps=10_000, seed=20261128)
    assert walked.mended > 1000
    assert walked.frames > 10_000_000
