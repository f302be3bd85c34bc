"""Lists what an image is made of, as an SPDX 2.3 document in JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

UNKNOWN = "NOASSERTION"


@dataclass(frozen=True)
class Component:
    """A package of which files are in the image, or in its program."""

    # The type of its package URL, for example `cargo`.
    kind: str
    name: str
    version: str
    license: str = UNKNOWN
    # The digest of what a registry has, in hexadecimal, or empty.
    sha256: str = ""
    # The namespace and the qualifiers of its package URL.
    namespace: str = ""
    qualifiers: str = ""

    @property
    def id(self) -> str:
        """The name by which the document refers to it."""
        return "SPDXRef-" + re.sub(r"[^A-Za-z0-9.]+", "-", f"{self.kind}-{self.name}-{self.version}")

    @property
    def url(self) -> str:
        """Its package URL."""
        namespace = f"{self.namespace}/" if self.namespace else ""
        qualifiers = f"?{self.qualifiers}" if self.qualifiers else ""
        return f"pkg:{self.kind}/{namespace}{quote(self.name)}@{quote(self.version, safe='')}{qualifiers}"


def lock_digests(text: str) -> dict[tuple[str, str], str]:
    """Digests of crates by name and version, from the text of Cargo.lock. Our own crates have none."""
    found = {}
    for block in text.split("[[package]]")[1:]:
        values = dict(re.findall(r'^(name|version|checksum) = "(.*)"$', block, re.MULTILINE))
        if "checksum" in values:
            found[values["name"], values["version"]] = values["checksum"]
    return found


def expression(license: str | None) -> str:
    """The license of a crate as SPDX writes it. Old manifests separate alternatives by a slash."""
    return re.sub(r"\s*/\s*", " OR ", license) if license else UNKNOWN


@dataclass(frozen=True)
class Crates:
    """The crates that a program is compiled from, and which of them depend on which."""

    program: Component
    all: list[Component]
    edges: list[tuple[Component, Component]]


def crates(metadata: dict[str, Any], package: str, digests: dict[tuple[str, str], str]) -> Crates:
    """Follows the dependencies of a package in what `cargo metadata` prints.

    Dependencies of tests and of build scripts are left out: they are not in the program.
    """
    packages = {found["id"]: found for found in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    first = next((found["id"] for found in packages.values() if found["name"] == package), None)
    if first is None:
        raise ValueError(f"the workspace has no package {package}")

    def component(identity: str) -> Component:
        found = packages[identity]
        digest = digests.get((found["name"], found["version"]), "")
        return Component("cargo", found["name"], found["version"], expression(found.get("license")), digest)

    found, edges, waiting = {first: component(first)}, [], [first]
    while waiting:
        identity = waiting.pop()
        for dependency in nodes[identity]["deps"]:
            if all(kind["kind"] is not None for kind in dependency["dep_kinds"]):
                continue
            other = dependency["pkg"]
            if other not in found:
                found[other] = component(other)
                waiting.append(other)
            edges.append((found[identity], found[other]))
    by_id = sorted(found.values(), key=lambda component: component.id)
    return Crates(found[first], by_id, sorted(edges, key=lambda edge: (edge[0].id, edge[1].id)))


def as_package(component: Component) -> dict[str, Any]:
    """A package of the document."""
    entry = {
        "SPDXID": component.id,
        "name": component.name,
        "versionInfo": component.version,
        "downloadLocation": UNKNOWN,
        "filesAnalyzed": False,
        "licenseConcluded": UNKNOWN,
        "licenseDeclared": component.license,
        "copyrightText": UNKNOWN,
        "externalRefs": [
            {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": component.url}
        ],
    }
    if component.sha256:
        entry["checksums"] = [{"algorithm": "SHA256", "checksumValue": component.sha256}]
    return entry


def relation(one: str, kind: str, other: str) -> dict[str, str]:
    """A relationship of the document."""
    return {"spdxElementId": one, "relationshipType": kind, "relatedSpdxElement": other}


def document(image: str, version: str, created: str, digest: str, built: Crates, others: Iterable[Component]) -> bytes:
    """The document of an image whose program has a digest, in hexadecimal. `created` is an instant in UTC."""
    others = sorted(others, key=lambda component: component.id)
    root = "SPDXRef-image"
    whole = {
        "SPDXID": root,
        "name": image,
        "versionInfo": version,
        "primaryPackagePurpose": "CONTAINER",
        "downloadLocation": UNKNOWN,
        "filesAnalyzed": False,
        "licenseConcluded": UNKNOWN,
        "licenseDeclared": UNKNOWN,
        "copyrightText": UNKNOWN,
    }
    relations = [relation("SPDXRef-DOCUMENT", "DESCRIBES", root)]
    relations += [relation(root, "CONTAINS", component.id) for component in (built.program, *others)]
    relations += [relation(one.id, "DEPENDS_ON", other.id) for one, other in built.edges]
    text = {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": f"{image}-{version}",
        "documentNamespace": f"https://marquee.dev/sbom/{image}-{version}-{digest}",
        "creationInfo": {"created": created, "creators": ["Tool: marquee-images"]},
        "packages": [whole, *(as_package(component) for component in (*built.all, *others))],
        "relationships": relations,
    }
    return json.dumps(text, indent=1, sort_keys=True).encode() + b"\n"
