"""Settings of a session."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from restem.streamer.builder import ModelRequest, profile_with_effects
from restem.streamer.engine.engine import Engine
from restem.streamer.engine.playback_kernel import LatePolicy
from restem.streamer.engine.process import Build
from restem.streamer.profiles import DEFAULT, Profile

HOST_BLOCK_SIZE = 256  # frames, where nothing else decides


@dataclass(frozen=True)
class Settings:
    """Settings of `restem live`."""

    profile: str = DEFAULT
    device: str = "auto"  # of the network: auto, cpu or cuda
    stems: tuple[str, ...] | None = None
    effects: str | None = None  # a YAML file of them, in place of the profile's own
    input: str | None = None  # a device's number or name; with JACK: ports to connect to
    output: str | None = None
    backend: str = "portaudio"  # a name of `bridge.audio.backend.BACKENDS`
    client: str = "restem"  # its name for other programs, where the backend has names
    server: str | None = None  # the JACK server's name
    input_channels: tuple[int, int] | None = None  # device inputs that are left and right, from 0
    channels: str = "stereo"  # a routing's name, or outputs as `1=vocals.left,2=vocals.right`
    host_block_size: int | None = None  # frames; None: `HOST_BLOCK_SIZE`, or the JACK server's
    varies: bool = False  # callbacks may have fewer frames than `host_block_size`
    rate: int | None = None  # Hz of the device; None: the model's where the device takes it
    allowance: int | None = None  # frames; None: the profile's
    policy: LatePolicy | None = None  # None: the profile's
    threads: int = 1
    force: bool = False  # start what is too slow here, too
    takes: str = "restem-takes"  # folder for recordings
    take_format: str = "wav"

    @cached_property
    def described(self) -> Profile:
        """The profile and the effects that are wanted, read once.

        Raises:
            ValueError: they cannot be read, or do not fit; one line.
        """
        return profile_with_effects(self.profile, self.effects)

    def request(self, stems: Sequence[str] | None, sample_rate: int) -> ModelRequest:
        """The model to run at a device's rate."""
        wanted = None if stems is None else tuple(stems)
        return ModelRequest(self.described, self.device, wanted, sample_rate)

    def start_engine(self, build: Build, host_block_size: int, sample_rate: int) -> Engine:
        """An engine as it was asked for, and for the rest as the profile says.

        Raises:
            ValueError: see `Engine`.
        """
        profile = self.described
        policy = LatePolicy[profile.live.late.upper()] if self.policy is None else self.policy
        allowance = self.allowance_at(sample_rate)
        return Engine(
            build,
            host_block_size,
            allowance,
            policy=policy,
            threads=self.threads,
            force=self.force,
            varies=self.varies,
        )

    def allowance_at(self, sample_rate: int) -> int | None:
        """Frames of a device that a step may take; None for one block of the model."""
        if self.allowance is not None:
            return self.allowance
        return self.described.allowance_at(sample_rate)
