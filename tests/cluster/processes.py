"""Processes that a node starts, and waits that have a deadline."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

Found = TypeVar("Found")

# The pause between two looks at something that is not ready, in seconds.
LOOK = 0.2


class Failure(Exception):
    """What went wrong, and what to do about it."""


def last_lines(log: Path, count: int = 20) -> str:
    """The end of a log."""
    try:
        lines = log.read_text(errors="replace").splitlines()
    except OSError:
        return ""
    return "\n".join(lines[-count:])


def wait_for(
    description: str, function: Callable[[], Found], seconds: float, watch: Callable[[], None] | None = None
) -> Found:
    """Calls a function until it returns something true, and returns that.

    An error that the function raises counts as not yet. `watch` is called before each try, and its errors end the wait.
    """
    deadline = time.monotonic() + seconds
    while True:
        if watch is not None:
            watch()
        reason = ""
        try:
            found = function()
            if found:
                return found
        except (Failure, OSError, LookupError, ValueError, subprocess.SubprocessError) as error:
            reason = f": {error}"
        if time.monotonic() >= deadline:
            raise Failure(f"{description}: not within {seconds:g} s{reason}")
        time.sleep(LOOK)


def run(command: list[str], input: str | None = None, seconds: float = 120, **options: object) -> str:
    """Runs a command to its end, and returns what it printed. A failure has what it complained about."""
    streams = {"capture_output": True, "text": True, "errors": "replace", "check": False}
    if input is None:
        streams["stdin"] = subprocess.DEVNULL
    what = " ".join(command[:3])
    try:
        result = subprocess.run(command, input=input, timeout=seconds, **streams, **options)
    except FileNotFoundError:
        raise Failure(f"{command[0]} is missing: run `tests/servers/prepare.py cluster`") from None
    except subprocess.TimeoutExpired:
        raise Failure(f"{what} …: not at its end within {seconds:g} s") from None
    if result.returncode != 0:
        raise Failure(f"{what} …: {(result.stderr or result.stdout).strip() or f'exit code {result.returncode}'}")
    return result.stdout


class Process:
    """A server: what to run, and the process that runs. Its log goes on where it was when it is started again."""

    def __init__(self, name: str, command: list[str], log: Path, environment: dict[str, str]) -> None:
        self.name = name
        self.command = command
        self.log = log
        self.environment = environment
        self.child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Runs the program, in a session of its own: an interrupt at the terminal ends the node in order."""
        with self.log.open("ab") as log:
            self.child = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.environment,
                start_new_session=True,
                # Pods of other users read files that these programs make.
                umask=0o022,
            )

    @property
    def pid(self) -> int | None:
        """The process id, while it runs."""
        return self.child.pid if self.child is not None and self.child.poll() is None else None

    def check(self) -> None:
        """Fails if the process has ended by itself."""
        if self.child is not None and self.child.poll() is not None:
            raise Failure(f"{self.name} ended with exit code {self.child.returncode}:\n{last_lines(self.log)}")

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal, if it runs."""
        if self.pid is not None:
            os.kill(self.pid, number)

    def stop(self, seconds: float = 10) -> None:
        """Ends it by SIGTERM, or by SIGKILL if that takes longer. Returns when it is gone."""
        if self.child is None:
            return
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        try:
            self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
        self.child = None

    def kill(self) -> None:
        """Ends it by SIGKILL. Returns when it is gone."""
        if self.child is None:
            return
        self.signal(signal.SIGKILL)
        self.child.wait()
        self.child = None
