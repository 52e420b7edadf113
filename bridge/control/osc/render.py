"""Rendering files by OSC: `/restem/render` and what belongs to it."""

from pathlib import Path

from restem.bridge.batch.local import Job, Jobs, Update
from restem.bridge.control.addresses import ROOT, Args
from restem.bridge.control.node import RefusalError
from restem.bridge.control.osc.commands import CommandRow, number_in
from restem.bridge.control.osc.peers import Peer
from restem.bridge.control.osc.server import OscServer
from restem.streamer.profiles import read_profile

COMMANDS = (
    CommandRow(
        "render",
        "mix folder [profile]",
        "Restores a file of restem's machine into folder/<mix> while the music plays. Answers with "
        "the job's number, then sends /restem/render/progress job fraction, at last "
        "/restem/render/done job folder, or /restem/error.",
    ),
    CommandRow("render/cancel", "job", "Ends a job; what it wrote is removed."),
)
WAITING_JOBS = 100


class RenderService:
    """Render commands for a server's clients; remote ones need the passphrase."""

    def __init__(self, server: OscServer) -> None:
        self._server, self._jobs = server, Jobs()
        self._open: set[int] = set()  # numbers of jobs that have not ended
        server.add_command(f"{ROOT}/render", self._render)
        server.add_command(f"{ROOT}/render/cancel", self._cancel)

    def _render(self, client: Peer, args: Args) -> None:
        check_files(client)
        if len(args) not in (2, 3) or not all(isinstance(arg, str) and arg for arg in args):
            raise RefusalError("wrong_type", "render takes mix folder [profile], as text")
        mix, out, *others = (str(Path(str(arg)).expanduser()) for arg in args)
        profile = others[0] if others else self._server.control.session.profile
        if not Path(mix).is_file():
            raise RefusalError("failed", f"{mix}: there is no such file")
        try:
            read_profile(profile)
        except ValueError as error:
            raise RefusalError("failed", str(error)) from error

        def report(job: Job, update: Update) -> None:
            self._server.post(lambda: self._notify(client, job, update))

        if len(self._open) >= WAITING_JOBS:
            raise RefusalError("busy", f"{WAITING_JOBS} jobs wait already; wait for one's end")
        job = self._jobs.add(Path(mix), Path(out), profile, report)
        self._open.add(job.number)
        client.send(f"{ROOT}/render", job.number)

    def _notify(self, client: Peer, job: Job, update: Update) -> None:
        if update.failure or update.folder:
            self._open.discard(job.number)
        if update.failure:
            client.send_error(f"{ROOT}/render", "failed", f"job {job.number}: {update.failure}")
        elif update.folder:
            client.send(f"{ROOT}/render/done", job.number, update.folder)
        else:
            client.send(f"{ROOT}/render/progress", job.number, update.fraction)

    def _cancel(self, client: Peer, args: Args) -> None:
        check_files(client)
        number = number_in(args, 0, -1)
        if not number.is_integer() or not self._jobs.cancel(int(number)):
            raise RefusalError("failed", f"there is no job {number:g} under way")

    def close(self) -> None:
        self._jobs.close()


def check_files(client: Peer) -> None:
    """Refuse those who may not touch files."""
    if not client.may_touch_files:
        raise RefusalError("auth", "files are rendered for this machine's programs only")
