"""The definition of `ModelRollout` is upgraded as charts/README.md says, and rollouts stay."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

from access import README
from fleet import CHART, Fleet, Object, namespace
from processes import Failure

# No operator works here, so rollouts have no finalizer.
NAMESPACE = "older"
NAME = "modelrollouts.rollouts.marquee.dev"
# The definition of the previous release, which `previous.REVISION` has too. A shallow clone has no history.
PREVIOUS = Path(__file__).with_name("previous-crd.yaml")


def documented(text: str) -> list[str]:
    """Returns the words after `kubectl` of the documented command that upgrades the definition."""
    found = re.findall(r"^\$ kubectl (apply .*charts/marquee/crds)\s*$", text, re.MULTILINE)
    if not found or len(set(found)) != 1:
        raise Failure("charts/README.md must name one command that upgrades the definition: `kubectl apply …/crds`")
    return [word.replace("charts/marquee", str(CHART)) for word in found[0].split()]


def older() -> str:
    """Returns the definition of the previous release."""
    return PREVIOUS.read_text()


def established(fleet: Fleet) -> None:
    """Waits until the API server serves the definition."""
    path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{NAME}"

    def is_established() -> bool:
        conditions = fleet.node.get(path).get("status", {}).get("conditions") or []
        return any(one["type"] == "Established" and one["status"] == "True" for one in conditions)

    fleet.wait(f"{NAME} is established", is_established, 60)


def rollout() -> Object:
    """Returns a rollout that both definitions accept. No operator sees it."""
    spec = {"instances": {"service": "inference"}, "model": "ratings", "version": 2, "steps": [{"setWeight": 50}]}
    metadata = {"name": "kept", "namespace": NAMESPACE}
    return {"apiVersion": "rollouts.marquee.dev/v1alpha1", "kind": "ModelRollout", "metadata": metadata, "spec": spec}


def upgrade(fleet: Fleet) -> None:
    """Applies the documented command, and fails unless the definition is then that of the chart."""
    fleet.node.kubectl(*documented(README.read_text()))
    established(fleet)
    try:
        fleet.node.kubectl("diff", "--server-side", "--force-conflicts", "-f", str(CHART / "crds"))
    except (Failure, subprocess.SubprocessError) as error:
        raise Failure(f"the definition is not that of the chart after the documented command: {error}") from None


def run_all(fleet: Fleet) -> None:
    """Goes from the definition of the previous release to this one, with a rollout that must stay."""
    node = fleet.node
    node.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", input=older())
    established(fleet)
    node.apply(namespace(NAMESPACE))
    node.kubectl("apply", "-f", "-", input=json.dumps(rollout()))
    path = f"/apis/rollouts.marquee.dev/v1alpha1/namespaces/{NAMESPACE}/modelrollouts/kept"
    before = node.get(path)
    upgrade(fleet)
    after = fleet.wait("the rollout is served", lambda: node.get(path), 60)
    for key in ("uid", "generation"):
        if before["metadata"][key] != after["metadata"][key]:
            raise Failure(f"the rollout has another {key} after the upgrade of its definition")
    if before["spec"] != after["spec"]:
        raise Failure(f"the rollout is {after['spec']} after the upgrade of its definition, and was {before['spec']}")
    node.kubectl("delete", "namespace", NAMESPACE, "--wait=false")
