"""Writes OCI images. The same content gives the same bytes: times, owners, modes and the order of files are fixed.

An image is written as a tar archive in the OCI layout. It also has the `manifest.json` of `docker save`, so that
`docker load`, `ctr images import`, and buildah and skopeo (`oci-archive:FILE`) all read the same file.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import shutil
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIGURATION = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"

# Higher levels take twice as long, and save 1 %.
COMPRESSION = 6


@dataclass(frozen=True)
class Entry:
    """A file, a folder or a symbolic link of a layer. Its path has no slash at the start."""

    path: str
    mode: int
    # Of a file: what it contains, or the file that it is a copy of.
    content: bytes | Path | None = None
    # Of a symbolic link: where it leads.
    target: str | None = None
    # The user and the group.
    owner: int = 0


def file(path: str, content: bytes | Path, mode: int = 0o644) -> Entry:
    """A regular file of root."""
    return Entry(path, mode, content=content)


def folder(path: str, mode: int = 0o755, owner: int = 0) -> Entry:
    """A folder."""
    return Entry(path, mode, owner=owner)


def link(path: str, target: str) -> Entry:
    """A symbolic link."""
    return Entry(path, 0o777, target=target)


def complete(entries: Iterable[Entry]) -> list[Entry]:
    """Adds the folders above each entry, and sorts all by path."""
    found: dict[str, Entry] = {}
    for entry in entries:
        if entry.path in found:
            raise ValueError(f"{entry.path} is in the layer twice")
        found[entry.path] = entry
    for path in list(found):
        for parent in PurePosixPath(path).parents:
            if str(parent) != ".":
                found.setdefault(str(parent), folder(str(parent)))
    return [found[path] for path in sorted(found)]


class Hashing:
    """Passes bytes on, and knows their number and their digest."""

    def __init__(self, sink: BinaryIO | gzip.GzipFile) -> None:
        self.sink = sink
        self.sha256 = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> int:
        """Writes all of the data."""
        self.sha256.update(data)
        self.size += len(data)
        return self.sink.write(data)

    def flush(self) -> None:
        """Flushes the sink."""
        self.sink.flush()

    @property
    def digest(self) -> str:
        """The digest, as OCI writes it."""
        return f"sha256:{self.sha256.hexdigest()}"


def write_tar(entries: Iterable[Entry], sink: Any, epoch: int) -> None:
    """Writes a tar archive in which every time is `epoch`, in seconds since 1970."""
    with tarfile.open(fileobj=sink, mode="w|", format=tarfile.USTAR_FORMAT) as archive:
        for entry in complete(entries):
            info = tarfile.TarInfo(entry.path)
            info.mode, info.mtime = entry.mode, epoch
            info.uid = info.gid = entry.owner
            if entry.target is not None:
                info.type, info.linkname = tarfile.SYMTYPE, entry.target
                archive.addfile(info)
            elif isinstance(entry.content, bytes):
                info.size = len(entry.content)
                archive.addfile(info, io.BytesIO(entry.content))
            elif entry.content is not None:
                info.size = entry.content.stat().st_size
                with entry.content.open("rb") as source:
                    archive.addfile(info, source)
            else:
                info.type = tarfile.DIRTYPE
                archive.addfile(info)


def write_folder(entries: Iterable[Entry], root: Path) -> None:
    """Writes the entries into a folder of the file system, as root with their owners. Times are those of now."""
    root.mkdir(parents=True, exist_ok=True)
    for entry in complete(entries):
        place = root / entry.path
        if entry.target is not None:
            place.symlink_to(entry.target)
            continue
        if isinstance(entry.content, bytes):
            place.write_bytes(entry.content)
        elif entry.content is not None:
            shutil.copyfile(entry.content, place)
        else:
            place.mkdir()
        place.chmod(entry.mode)
        if entry.owner and os.geteuid() == 0:
            os.chown(place, entry.owner, entry.owner)


@dataclass(frozen=True)
class Layer:
    """A compressed layer in a file."""

    place: Path
    # Of the compressed bytes, and of the tar archive in them.
    digest: str
    diff_id: str
    # In bytes, compressed.
    size: int


def write_layer(entries: Iterable[Entry], place: Path, epoch: int) -> Layer:
    """Writes a layer into a file."""
    with place.open("wb") as sink:
        packed = Hashing(sink)
        with gzip.GzipFile(filename="", mode="wb", compresslevel=COMPRESSION, fileobj=packed, mtime=0) as gzipped:
            plain = Hashing(gzipped)
            write_tar(entries, plain, epoch)
    return Layer(place, packed.digest, plain.digest, packed.size)


def timestamp(epoch: int) -> str:
    """An instant, as OCI and SPDX write it."""
    return datetime.fromtimestamp(epoch, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def canonical(value: Any) -> bytes:
    """JSON that depends on the value alone."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def descriptor(media_type: str, digest: str, size: int) -> dict[str, Any]:
    """Refers to a blob."""
    return {"mediaType": media_type, "digest": digest, "size": size}


@dataclass(frozen=True)
class Image:
    """An image in a file."""

    place: Path
    # The digest of the manifest, which names the image in a registry.
    digest: str
    # What a registry stores, in bytes.
    size: int


def write_image(
    place: Path, reference: str, settings: dict[str, Any], architecture: str, layers: list[Layer], epoch: int
) -> Image:
    """Writes an archive with one image.

    `reference` is the name of the image with its tag, and `settings` are its `config`, for example `Entrypoint`. The
    digest does not depend on the reference.
    """
    created = timestamp(epoch)
    configuration = canonical(
        {
            "architecture": architecture,
            "config": settings,
            "created": created,
            "history": [{"created": created} for _ in layers],
            "os": "linux",
            "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
        }
    )
    manifest = canonical(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": descriptor(CONFIGURATION, digest_of(configuration), len(configuration)),
            "layers": [descriptor(LAYER, layer.digest, layer.size) for layer in layers],
        }
    )
    names = {"io.containerd.image.name": reference, "org.opencontainers.image.ref.name": reference.rpartition(":")[2]}
    listed = {**descriptor(MANIFEST, digest_of(manifest), len(manifest)), "annotations": names}
    docker = {
        "Config": blob(digest_of(configuration)),
        "RepoTags": [reference],
        "Layers": [blob(layer.digest) for layer in layers],
    }
    # Layers may be equal, and a blob is stored once.
    blobs: dict[str, bytes | Path] = {blob(layer.digest): layer.place for layer in layers}
    blobs |= {blob(digest_of(content)): content for content in (configuration, manifest)}
    index = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [listed]}
    entries = [
        file("oci-layout", canonical({"imageLayoutVersion": "1.0.0"})),
        file("index.json", canonical(index)),
        file("manifest.json", canonical([docker])),
        *(file(path, content) for path, content in blobs.items()),
    ]
    with place.open("wb") as sink:
        write_tar(entries, sink, epoch)
    size = len(manifest) + len(configuration) + sum(layer.size for layer in layers)
    return Image(place, digest_of(manifest), size)


def digest_of(content: bytes) -> str:
    """The digest of a blob in memory."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def blob(digest: str) -> str:
    """The path of a blob in the layout."""
    return f"blobs/{digest.replace(':', '/')}"
