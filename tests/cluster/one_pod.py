"""The profile `embedded` on a volume: installed, used, and restarted without a loss."""

from __future__ import annotations

import json
from pathlib import Path

from fleet import HTTP, Fleet, Object, images, merge, names
from load import Load
from node import Node
from processes import Failure

NAMESPACE = "small"
# The room of the volume, in mebibytes: enough for MovieLens 100K and two versions, and soon full.
ROOM = 512


def values(tag: str) -> Object:
    """Returns the values of the profile with images of a tag."""
    found = merge(images(tag), {"operator": {"enabled": False}})
    return merge(found, {"profile": "embedded", "secrets": {"token": {"existingSecret": "marquee-token"}}})


class OnePod:
    """A release of the profile `embedded` in a namespace of its own."""

    def __init__(self, node: Node, program: Path, namespace: str = NAMESPACE) -> None:
        self.fleet = Fleet(node, program, namespace)
        # Where the volume is on the node.
        self.place = Path()

    def install(self, tag: str = "test", mebibytes: int = ROOM) -> None:
        """Installs the release with a volume, imports ratings and trains a first version."""
        fleet = self.fleet
        fleet.make_namespace()
        fleet.make_secrets()
        self.place = fleet.node.add_volume(fleet.namespace, mebibytes)
        fleet.install(values(tag))
        fleet.import_ratings("fleet")
        fleet.train("map", "fleet-admin")
        fleet.wait("version 1 predicts", lambda: fleet.predicted_by("fleet") == "1", 60)

    def prediction(self) -> str:
        """Returns a prediction with its origin."""
        body = {"userId": "20", "movieIds": ["50", "100", "181"]}
        status, text = self.fleet.call(self.fleet.service("fleet"), HTTP, "POST", "/v1/predict", body)
        if status != 200:
            raise Failure(f"a prediction: {status} {text[:300]}")
        found = json.loads(text)
        return json.dumps([found["predictions"], found["provenance"]["version"]], sort_keys=True)

    def rate(self, user: str) -> int:
        """Sends a batch of ratings of one user. Returns the status of the answer, or 0 without one."""
        ratings = [{"userId": user, "movieId": str(movie), "rating": 3} for movie in range(1, 500)]
        try:
            return self.fleet.call(
                self.fleet.service("fleet"), HTTP, "POST", "/v1/ratings/batch", {"ratings": ratings}, seconds=5
            )[0]
        except (Failure, OSError):
            return 0

    def keeps_its_data(self) -> None:
        """Deletes the pod. The next one must predict the same from the same ratings."""
        fleet = self.fleet
        rated = self.rate("kept")
        if rated != 200:
            raise Failure(f"a batch of ratings is answered {rated}")
        before, pod = self.prediction(), names(fleet.pods())[0]
        uid = fleet.pods()[0]["metadata"]["uid"]
        fleet.node.kubectl("delete", "pod", pod, "--namespace", fleet.namespace, "--wait=false")
        fleet.wait("another pod runs", lambda: [one for one in fleet.pods() if one["metadata"]["uid"] != uid], 120)
        fleet.wait_until_rolled_out()
        fleet.wait("the same prediction", lambda: self.same(before), 60)

    def same(self, before: str) -> bool:
        """Returns whether the prediction is what it was."""
        found = self.prediction()
        if found != before:
            raise Failure(f"{found} instead of {before}")
        return True

    def load(self) -> Load:
        """Returns a load on the pod, which has every role."""
        return Load(self.fleet, "fleet", "fleet", "fleet")


def run(node: Node, program: Path) -> OnePod:
    """Installs the profile, tests it by `helm test`, and restarts its pod."""
    one_pod = OnePod(node, program)
    one_pod.install()
    one_pod.fleet.test()
    one_pod.keeps_its_data()
    return one_pod
