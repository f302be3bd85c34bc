"""A `ModelRollout` that is applied by kubectl and promotes a version."""

from __future__ import annotations

import json
from typing import Any

from fleet import Fleet, Object
from processes import Failure

# Longer than the steps below take, in seconds.
PROMOTED = 180
NAME = "ratings"


def manifest(fleet: Fleet, version: int) -> Object:
    """Returns a rollout of a version: without users first, then for a fifth of them, then for half."""
    steps: list[Object] = [{"shadow": {}}, {"setWeight": 20}, {"pause": {"duration": "3s"}}, {"setWeight": 50}]
    spec = {
        # Routes are set at the admin listener.
        "instances": {"service": f"{fleet.release}-inference-admin", "port": "admin"},
        "monitor": {"service": f"{fleet.release}-monitor"},
        "model": "ratings",
        "version": version,
        "steps": steps,
    }
    metadata = {"name": NAME, "namespace": fleet.namespace}
    return {"apiVersion": "rollouts.marquee.dev/v1alpha1", "kind": "ModelRollout", "metadata": metadata, "spec": spec}


def status(fleet: Fleet) -> Any:
    """Returns the status that the operator has written."""
    path = f"/apis/rollouts.marquee.dev/v1alpha1/namespaces/{fleet.namespace}/modelrollouts/{NAME}"
    return fleet.node.get(path).get("status", {})


def promote(fleet: Fleet, version: int) -> Any:
    """Applies a rollout of a version, and waits until all users have it. Returns the last status."""
    fleet.node.kubectl("apply", "-f", "-", input=json.dumps(manifest(fleet, version)))

    def completed() -> Any:
        found = status(fleet)
        if found.get("phase") == "Degraded":
            raise Failure(f"the rollout has failed: {found.get('reason')}: {found.get('message')}")
        return found if (found.get("phase"), found.get("stable")) == ("Completed", version) else None

    try:
        found = fleet.wait(f"version {version} is promoted", completed, PROMOTED)
    except Failure as error:
        last = {key: status(fleet).get(key) for key in ("phase", "reason", "message", "step", "instances")}
        raise Failure(f"{error}\nthe rollout: {json.dumps(last)}") from None
    print(fleet.node.kubectl("get", "modelrollouts", "--namespace", fleet.namespace), flush=True)
    return {key: found.get(key) for key in ("phase", "reason", "message", "stable")}
