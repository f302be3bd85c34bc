"""What accounts may do: the one that installs the chart, those of the roles, that of the operator, and editors.

The rights that an installation needs are in charts/README.md, from which the test takes them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import configuration
from documents import section
from fleet import ROLES, ROOT, Fleet
from processes import Failure

README = ROOT / "charts" / "README.md"
INSTALLER = "marquee-installer"
ROW = re.compile(r"^(\S*)\s+\[(.*?)\]\s+\[(.*?)\]\s+\[(.*?)\]\s*$")

# What Kubernetes lets every account do: ask what it may do itself.
EVERYONE = ("selfsubjectaccessreviews", "selfsubjectreviews", "selfsubjectrulesreviews")

ROLLOUTS, LEASES = "modelrollouts.rollouts.marquee.dev", "leases.coordination.k8s.io"

# What the operator's Role says. A right that it has and that is not here fails the test.
OPERATOR = {
    (ROLLOUTS, "", "get list watch patch"),
    (f"{ROLLOUTS}/status", "", "patch"),
    ("endpointslices.discovery.k8s.io", "", "list"),
    ("events.events.k8s.io", "", "create"),
    (LEASES, "", "create"),
    (LEASES, "marquee-operator", "get update"),
}
# Questions whose answer must be no, for the operator and for each role.
NEVER = (
    "get secrets",
    "list secrets",
    "get configmaps",
    "list pods",
    "create pods",
    "create pods --subresource=exec",
    "delete pods",
    "patch deployments.apps",
    "create rolebindings.rbac.authorization.k8s.io",
    "get nodes",
    "impersonate serviceaccounts",
    "create serviceaccounts --subresource=token",
)
NEVER_OPERATOR = (
    f"create {ROLLOUTS}",
    f"update {ROLLOUTS}",
    f"delete {ROLLOUTS}",
    f"delete {LEASES}",
    f"get {LEASES}/another",
    "list customresourcedefinitions.apiextensions.k8s.io",
)
NEVER_INSTALLER = (
    "create namespaces",
    "create customresourcedefinitions.apiextensions.k8s.io",
    "create pods --subresource=exec",
    "escalate roles.rbac.authorization.k8s.io",
    "bind roles.rbac.authorization.k8s.io",
)
NEVER_ROLE = (f"list {ROLLOUTS}", f"create {LEASES}", "list endpointslices.discovery.k8s.io")


@dataclass(frozen=True)
class Right:
    """A line of `kubectl auth can-i --list`: a resource, names of objects or none, and verbs."""

    resource: str
    names: str
    verbs: frozenset[str]

    def __str__(self) -> str:
        return f"{' '.join(sorted(self.verbs))} {self.resource}{f' {self.names}' if self.names else ''}"


def rights(text: str) -> set[Right]:
    """Returns the rights in the output of `kubectl auth can-i --list`, without those that every account has.

    Lines without a resource are for paths that everyone may read, such as /healthz.
    """
    found = set()
    for line in text.splitlines():
        row = ROW.match(line)
        if row is None or not row[1] or row[1].partition(".")[0] in EVERYONE:
            continue
        found.add(Right(row[1], row[3], frozenset(row[4].split())))
    return found


def wanted(lines: Iterable[tuple[str, str, str]]) -> set[Right]:
    """Returns rights from resources, names and verbs."""
    return {Right(resource, names, frozenset(verbs.split())) for resource, names, verbs in lines}


def account(fleet: Fleet, name: str) -> str:
    """Returns the user name of an account."""
    return f"system:serviceaccount:{fleet.namespace}:{name}"


def list_rights(fleet: Fleet, name: str, namespace: str) -> set[Right]:
    """Returns the rights of an account in a namespace."""
    words = ("auth", "can-i", "--list", f"--as={account(fleet, name)}", "--namespace", namespace)
    return rights(fleet.node.kubectl(*words))


def may(fleet: Fleet, name: str, question: str, namespace: str) -> bool:
    """Returns whether an account may do something, for example `get secrets`."""
    words = ("auth", "can-i", *question.split(), f"--as={account(fleet, name)}", "--namespace", namespace, "--quiet")
    try:
        fleet.node.kubectl(*words)
    except Failure as error:
        # It ends with 1 for no, without a word. A message means that it did not ask.
        if re.search(r"error|unable", str(error), re.IGNORECASE):
            raise
        return False
    return True


def difference(name: str, found: set[Right], expected: set[Right]) -> list[str]:
    """Returns what an account has too much, and what it lacks."""
    more = [f"{name} may also {right}" for right in sorted(found - expected, key=str)]
    return more + [f"{name} may not {right}" for right in sorted(expected - found, key=str)]


def check_accounts(fleet: Fleet) -> list[str]:
    """Checks every account of the release. Returns a line for each; fails if one has other rights than documented."""
    wrong, lines = [], []
    for unit in (*ROLES, "operator"):
        name = f"{fleet.release}-{unit}"
        expected = wanted(OPERATOR) if unit == "operator" else set()
        wrong += difference(name, list_rights(fleet, name, fleet.namespace), expected)
        wrong += difference(f"{name} elsewhere", list_rights(fleet, name, "default"), set())
        never = (*NEVER, *(NEVER_OPERATOR if unit == "operator" else NEVER_ROLE))
        for question in never:
            if may(fleet, name, question, fleet.namespace):
                wrong.append(f"{name} may {question}")
        lines.append(f"{name}: {len(expected)} rights, and none of {len(never)} others")
    for resource, names, verbs in sorted(OPERATOR):
        parent, _, part = resource.partition("/")
        what = f"{parent} --subresource={part}" if part else f"{parent}/{names}" if names else parent
        for verb in verbs.split():
            if not may(fleet, f"{fleet.release}-operator", f"{verb} {what}", fleet.namespace):
                wrong.append(f"the operator may not {verb} {what}")
    if wrong:
        raise Failure(f"accounts have other rights than documented: {'; '.join(wrong)}")
    return lines


def make_installer(fleet: Fleet) -> Path:
    """Makes the account that installs, with the documented rights and no others. Returns its kubeconfig."""
    rules = section(README.read_text(), "installer").replace("namespace: marquee", f"namespace: {fleet.namespace}")
    fleet.node.kubectl("apply", "--server-side", "-f", "-", input=rules)
    token = fleet.node.kubectl("create", "token", INSTALLER, "--namespace", fleet.namespace, "--duration=2h").strip()
    place = fleet.folder / "installer.kubeconfig"
    place.write_text(configuration.kubeconfig(INSTALLER, token, fleet.node.places.keys / "authority.pem"))
    if not may(fleet, INSTALLER, "create deployments.apps", fleet.namespace):
        raise Failure("the documented rights do not reach the account of the installer")
    for question in NEVER_INSTALLER:
        if may(fleet, INSTALLER, question, fleet.namespace):
            raise Failure(f"the installer may {question}, which the document does not say")
    for question in ("get secrets", "create deployments.apps"):
        if may(fleet, INSTALLER, question, "default"):
            raise Failure(f"the installer may {question} in another namespace")
    return place


def flags(place: Path) -> tuple[str, str]:
    """Returns the flags of Helm that use the installer. It has no right to the definition, which exists already."""
    return "--skip-crds", f"--kubeconfig={place}"
