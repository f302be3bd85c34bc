"""What a node takes from the machine, and gives back: a network namespace, a disk, control groups, kernel settings.

All of it has the name of the node, so that what a killed run left behind is found and removed by the next one. Nothing
that has another name is touched.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from processes import Failure, run, wait_for

CLONE_NEWNET = 0x40000000

# What the kubelet changes for the whole machine.
KERNEL_SETTINGS = (
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
)

# Longer than killed processes and busy mounts take to go, in seconds.
GONE = 30


def mounts(text: str) -> list[tuple[str, str]]:
    """The place and the type of each mount, from the text of /proc/self/mountinfo."""
    found = []
    for line in text.splitlines():
        before, _, after = line.partition(" - ")
        place = re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), before.split()[4])
        found.append((place, after.split()[0]))
    return found


def mounts_below(folder: Path, text: str) -> list[str]:
    """Where something is mounted in a folder or below it, the deepest and latest first."""
    return [place for place, _ in reversed(mounts(text)) if Path(place).is_relative_to(folder)]


def hierarchies(text: str) -> list[Path]:
    """Where the hierarchies of control groups are mounted."""
    return [Path(place) for place, kind in mounts(text) if kind in ("cgroup", "cgroup2")]


def mount_table() -> str:
    """The mounts of this process."""
    return Path("/proc/self/mountinfo").read_text()


def refusal(folder: Path) -> str:
    """What this machine refuses to let a node have. Empty: nothing, so a node can run here."""
    if os.geteuid() != 0:
        return "it needs the rights of root"
    if not Path("/dev/loop-control").exists():
        return "there are no loop devices"
    groups = hierarchies(mount_table())
    if not groups or not all(os.access(group, os.W_OK) for group in groups):
        return "control groups cannot be made"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        run(["unshare", "--net", "true"])
        run(["unshare", "--mount", "mount", "-t", "tmpfs", "none", str(folder)])
    except Failure as error:
        return str(error)
    finally:
        with contextlib.suppress(OSError):
            folder.rmdir()
    return ""


class Machine:
    """The share of a node in this machine."""

    def __init__(self, name: str, folder: Path, address: str, gateway: str) -> None:
        self.name = name
        self.folder = folder
        self.address = address
        self.gateway = gateway
        self.lock: IO[str] | None = None

    @property
    def namespace(self) -> Path:
        """The network namespace, as a file."""
        return Path("/run/netns", self.name)

    def inside(self, command: list[str]) -> list[str]:
        """A command in the network namespace. `ip netns exec` would hide the mounts of control groups from it."""
        return ["nsenter", f"--net={self.namespace}", *command]

    def acquire(self) -> None:
        """Makes sure that no other process has the node, until this one ends or gives it up."""
        if os.geteuid() != 0:
            raise Failure("a node with pods needs the rights of root: run this as root")
        lock = Path("/run", f"{self.name}.lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise Failure("another process runs the node: end it, or wait until it ends") from None
        self.lock = lock

    def release(self) -> None:
        """Gives the node up."""
        if self.lock is not None:
            self.lock.close()
            self.lock = None

    def make_network(self) -> None:
        """Makes the namespace. A pair of interfaces gives it an address that is not loopback and a default route.

        The other end of the pair has no address: nothing in the network of this machine changes, and the node is
        reached from inside the namespace only.
        """
        outer, inner = f"{self.name}0", f"{self.name}1"
        run(["ip", "netns", "add", self.name])
        run(["ip", "link", "add", outer, "type", "veth", "peer", "name", inner, "netns", self.name])
        run(["ip", "link", "set", outer, "up"])
        for words in (
            "link set lo up",
            f"address add {self.address}/24 dev {inner}",
            f"link set {inner} up",
            f"route add default via {self.gateway}",
        ):
            run(["ip", "-netns", self.name, *words.split()])
        # Answers of a pod to a pod behind a Service must pass the rules that translate addresses.
        for setting in ("ipv4/ip_forward", "bridge/bridge-nf-call-iptables"):
            place = f"/proc/sys/net/{setting}"
            if Path(place).exists():
                run(self.inside(["tee", place]), input="1\n")

    def connect(self, host: str, port: int, seconds: float = 5) -> socket.socket:
        """A connection to an address that only the namespace knows.

        A thread enters the namespace and makes the socket, which then works in every thread.
        """
        made: list[socket.socket | OSError] = []

        def enter() -> None:
            try:
                libc = ctypes.CDLL(None, use_errno=True)
                with self.namespace.open() as namespace:
                    if libc.setns(namespace.fileno(), CLONE_NEWNET) != 0:
                        raise OSError(ctypes.get_errno(), f"cannot enter {self.namespace}")
                made.append(socket.create_connection((host, port), seconds))
            except OSError as error:
                made.append(error)

        thread = threading.Thread(target=enter)
        thread.start()
        thread.join()
        if isinstance(made[0], OSError):
            raise made[0]
        return made[0]

    def make_disk(self, name: str, mebibytes: int) -> Path:
        """Mounts a file as a disk of its own, and returns where. The file takes only the room that is used."""
        image, place = self.folder / f"{name}.img", self.folder / name
        place.mkdir()
        with image.open("wb") as file:
            file.truncate(mebibytes << 20)
        run(["mkfs.ext4", "-q", "-F", "-O", "^has_journal", str(image)])
        run(["mount", "-o", "loop", str(image), str(place)])
        return place

    def make_control_groups(self) -> None:
        """Makes the control groups that all pods are below."""
        table = mount_table()
        first = [Path(place) for place, kind in mounts(table) if kind == "cgroup"]
        for hierarchy in first or hierarchies(table):
            group = hierarchy / self.name
            group.mkdir(exist_ok=True)
            # Processes can enter a group of `cpuset` only when it has these.
            for name in ("cpuset.cpus", "cpuset.mems"):
                if first and (group / name).exists():
                    (group / name).write_text((hierarchy / name).read_text())

    def keep_kernel_settings(self) -> None:
        """Writes down what the kubelet is going to change."""
        places = {name: Path("/proc/sys", name) for name in KERNEL_SETTINGS}
        values = {name: place.read_text().strip() for name, place in places.items() if place.exists()}
        (self.folder / "kernel.json").write_text(json.dumps(values))

    def restore_kernel_settings(self) -> None:
        """Sets what the kubelet changed to what it was."""
        kept = self.folder / "kernel.json"
        if kept.exists():
            for name, value in json.loads(kept.read_text()).items():
                place = Path("/proc/sys", name)
                if place.read_text().strip() != value:
                    place.write_text(value)

    def groups(self) -> list[Path]:
        """The control groups of the node, those of its pods before those around them."""
        found = []
        for hierarchy in hierarchies(mount_table()):
            group = hierarchy / self.name
            if group.is_dir():
                found += [Path(folder) for folder, _, _ in os.walk(group, topdown=False)]
        return found

    def pods(self) -> set[int]:
        """The processes of pods."""
        found = set()
        for group in self.groups():
            with contextlib.suppress(OSError):
                found.update(int(line) for line in (group / "cgroup.procs").read_text().split())
        return found

    def inhabitants(self, beginning: str = "") -> set[int]:
        """The processes in the namespace, or those of a program whose name begins like that."""
        try:
            wanted = os.stat(self.namespace)
        except FileNotFoundError:
            return set()
        found = set()
        for process in Path("/proc").glob("[0-9]*"):
            # A process may end meanwhile.
            with contextlib.suppress(OSError):
                network = os.stat(process / "ns" / "net")
                same = (network.st_dev, network.st_ino) == (wanted.st_dev, wanted.st_ino)
                if same and (process / "comm").read_text().startswith(beginning):
                    found.add(int(process.name))
        return found - {os.getpid()}

    def kill_pods(self) -> None:
        """Ends the processes of pods by SIGKILL, and waits until they are gone."""
        wait_for("processes of pods end", lambda: not kill(self.pods()), GONE)

    def kill_inhabitants(self, beginning: str = "") -> None:
        """Ends processes in the namespace by SIGKILL, and waits until they are gone."""
        wait_for("processes of the node end", lambda: not kill(self.inhabitants(beginning)), GONE)

    def unmount(self) -> None:
        """Unmounts all that is mounted in the folder of the node or below it."""
        for place in mounts_below(self.folder, mount_table()):
            for flags in ([], ["--lazy"]):
                with contextlib.suppress(Failure):
                    run(["umount", *flags, place])
                    break
        if mounts_below(self.folder, mount_table()):
            raise Failure(f"something is still mounted below {self.folder}: unmount it by hand")

    def remove_control_groups(self) -> None:
        """Removes the control groups, which must have no processes."""

        def removed() -> bool:
            for group in self.groups():
                with contextlib.suppress(OSError):
                    group.rmdir()
            return not self.groups()

        wait_for("control groups are removed", removed, GONE)

    def remove_network(self) -> None:
        """Removes the namespace, with all interfaces and rules in it."""
        names = Path("/sys/class/net")
        if (names / f"{self.name}0").exists():
            run(["ip", "link", "delete", f"{self.name}0"])
        if self.namespace.exists():
            run(["ip", "netns", "delete", self.name])

    def remove_traces(self) -> None:
        """Removes what the kubelet and the network plugins write outside of the folder."""
        for result in Path("/var/lib/cni/results").glob("*"):
            # It names the network namespace of the pod, which is in the folder.
            if result.is_file() and f"{self.folder}/" in result.read_text(errors="replace"):
                result.unlink()
        for log in links_into(self.folder, Path("/var/log/containers")):
            log.unlink()

    def clean(self) -> None:
        """Ends and removes all of the node. Steps are taken although others failed; the first failure is raised."""
        failures = []
        for step in (
            self.kill_pods,
            self.kill_inhabitants,
            self.unmount,
            self.remove_control_groups,
            self.remove_network,
            self.restore_kernel_settings,
            self.remove_traces,
        ):
            try:
                step()
            except (Failure, OSError, ValueError, subprocess.SubprocessError) as error:
                failures.append(f"{step.__name__.replace('_', ' ')}: {error}")
        if not mounts_below(self.folder, mount_table()):
            shutil.rmtree(self.folder, ignore_errors=True)
        if failures:
            raise Failure(f"the node is not all gone: {'; '.join(failures)}")


def links_into(folder: Path, place: Path) -> Iterator[Path]:
    """The symbolic links in a place that lead into a folder."""
    for entry in place.glob("*"):
        if entry.is_symlink() and Path(os.readlink(entry)).is_relative_to(folder):
            yield entry


def kill(processes: set[int]) -> set[int]:
    """Sends SIGKILL to processes, and returns them."""
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    return processes
