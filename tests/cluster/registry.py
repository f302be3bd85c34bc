"""Pushes an image from an archive to a registry, with the digests that it has in the archive.

Tools that keep images in a storage of their own compress layers again when they push, which changes the digests.
"""

from __future__ import annotations

import http.client
import json
import tarfile
from pathlib import Path
from urllib.parse import urlsplit

from backends import Connect, Connection
from processes import Failure

# Longer than a layer takes, in seconds.
LONGEST = 120


class Archive:
    """An open archive in the OCI layout, with one image."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self.tar = tar
        self.listed = json.loads(self.read("index.json"))["manifests"][0]
        self.manifest = self.read(self.path(self.listed["digest"]))

    @property
    def reference(self) -> str:
        """The name of the image, with its tag."""
        return self.listed["annotations"]["io.containerd.image.name"]

    @property
    def digest(self) -> str:
        """The digest of the image."""
        return self.listed["digest"]

    def path(self, digest: str) -> str:
        """Where a blob is in the archive."""
        return f"blobs/{digest.replace(':', '/')}"

    def read(self, path: str) -> bytes:
        """The content of a file."""
        source = self.tar.extractfile(path)
        if source is None:
            raise Failure(f"{self.tar.name}: {path} is no file")
        return source.read()

    def blobs(self) -> list[str]:
        """The digests of the configuration and of the layers."""
        manifest = json.loads(self.manifest)
        return [blob["digest"] for blob in (manifest["config"], *manifest["layers"])]


class Registry:
    """A registry without TLS and without users, at HOST:PORT."""

    def __init__(self, address: str, connect: Connect) -> None:
        self.address = address
        self.connect = connect

    def ask(self, method: str, target: str, body: bytes = b"", kind: str = "") -> http.client.HTTPResponse:
        """Sends a request, and returns the answer with its body read."""
        headers = {"Content-Type": kind} if kind else {}
        connection = Connection(self.address, self.connect, LONGEST)
        try:
            connection.request(method, target, body, headers)
            answer = connection.getresponse()
            text = answer.read()
        except http.client.HTTPException as error:
            raise Failure(f"{self.address}: {method} {target}: {error!r}") from None
        finally:
            connection.close()
        if answer.status >= 400 and not (method == "HEAD" and answer.status == 404):
            raise Failure(f"{self.address}: {method} {target}: {answer.status} {text.decode(errors='replace')[:300]}")
        return answer

    def push_blob(self, repository: str, digest: str, content: bytes) -> None:
        """Uploads a blob in one piece, if the repository does not have it."""
        if self.ask("HEAD", f"/v2/{repository}/blobs/{digest}").status == 200:
            return
        begun = self.ask("POST", f"/v2/{repository}/blobs/uploads/")
        # The address of the upload may have a query, and may name the host.
        place = urlsplit(begun.headers["Location"])
        query = f"{place.query}&" if place.query else ""
        self.ask("PUT", f"{place.path}?{query}digest={digest}", content, "application/octet-stream")

    def push(self, place: Path) -> str:
        """Pushes the image of an archive under its name and tag there. Returns its name here, with the digest."""
        with tarfile.open(place) as tar:
            return self.push_archive(Archive(tar))

    def push_archive(self, archive: Archive) -> str:
        """Pushes the image of an open archive."""
        name, _, tag = archive.reference.rpartition(":")
        repository = name.partition("/")[2]
        for digest in archive.blobs():
            self.push_blob(repository, digest, archive.read(archive.path(digest)))
        kind = json.loads(archive.manifest)["mediaType"]
        answer = self.ask("PUT", f"/v2/{repository}/manifests/{tag}", archive.manifest, kind)
        if answer.headers["Docker-Content-Digest"] != archive.digest:
            raise Failure(f"{self.address} stored {repository} under another digest")
        return f"{self.address}/{repository}@{archive.digest}"
