"""The settings of every program of a node, as text.

The settings follow from what the node is: one machine, one node, one network namespace, control groups of version 1 or
2, and perhaps no right to lower the score by which the kernel chooses whom to kill (CAP_SYS_RESOURCE).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NAME = "marquee-node"
# An address for documentation: nothing outside of the namespace has it.
ADDRESS, GATEWAY = "192.0.2.2", "192.0.2.1"
PODS, PODS_OF_NODE, SERVICES = "10.244.0.0/16", "10.244.0.0/24", "10.96.0.0/24"
# The Service `kubernetes` has the first address of its range.
API_SERVICE = "10.96.0.1"
DOMAIN = "cluster.local"

API_PORT = 6443
ETCD, ETCD_PEER = "http://127.0.0.1:2379", "http://127.0.0.1:2380"
DNS_READY = 8181
PAUSE = "localhost/pause:1"

# Who calls the API server, and the groups of each. An administrator may do everything.
USERS = {
    "admin": ("admin", "system:masters"),
    "kubelet": (f"system:node:{NAME}", "system:nodes"),
    "kube-controller-manager": ("system:kube-controller-manager", ""),
    "kube-scheduler": ("system:kube-scheduler", ""),
    "kube-proxy": ("system:kube-proxy", ""),
    "coredns": ("coredns", ""),
}


@dataclass(frozen=True)
class Places:
    """Where the files of a node are."""

    root: Path
    # A disk of its own, for images, containers and volumes of pods.
    disk: Path
    logs: Path

    @property
    def keys(self) -> Path:
        """Certificates and keys."""
        return self.root / "keys"

    @property
    def settings(self) -> Path:
        """Settings files."""
        return self.root / "settings"

    @property
    def containerd(self) -> Path:
        """The socket of containerd."""
        return self.root / "containerd.sock"

    @property
    def pod_logs(self) -> Path:
        """The logs of containers, in a folder for each pod."""
        return self.disk / "pods"

    def kubeconfig(self, user: str) -> Path:
        """The kubeconfig of a user."""
        return self.settings / f"{user}.kubeconfig"


def tokens(secrets: dict[str, str]) -> str:
    """The file of tokens, from the token of each user."""
    lines = []
    for key, (user, groups) in USERS.items():
        member = f',"{groups}"' if groups else ""
        lines.append(f"{secrets[key]},{user},{user}{member}\n")
    return "".join(lines)


def kubeconfig(user: str, token: str, authority: Path) -> str:
    """A kubeconfig of a user."""
    server = f"https://{ADDRESS}:{API_PORT}"
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": NAME,
            "clusters": [{"name": NAME, "cluster": {"server": server, "certificate-authority": str(authority)}}],
            "users": [{"name": user, "user": {"token": token}}],
            "contexts": [{"name": NAME, "context": {"cluster": NAME, "user": user, "namespace": "default"}}],
        }
    )


def server_names() -> list[str]:
    """The names of the API server's certificate."""
    services = ("kubernetes", "kubernetes.default", "kubernetes.default.svc", f"kubernetes.default.svc.{DOMAIN}")
    addresses = [f"IP:{address}" for address in (ADDRESS, API_SERVICE, "127.0.0.1")]
    return addresses + [f"DNS:{name}" for name in ("localhost", *services)]


def etcd(places: Places) -> list[str]:
    """Arguments of etcd."""
    return [
        f"--data-dir={places.root / 'etcd'}",
        f"--listen-client-urls={ETCD}",
        f"--advertise-client-urls={ETCD}",
        f"--listen-peer-urls={ETCD_PEER}",
        f"--initial-advertise-peer-urls={ETCD_PEER}",
        f"--initial-cluster=default={ETCD_PEER}",
        "--unsafe-no-fsync",
        "--log-level=warn",
    ]


def api_server(places: Places) -> list[str]:
    """Arguments of the API server. Pod Security and the Eviction API are on by default."""
    return [
        f"--etcd-servers={ETCD}",
        "--bind-address=0.0.0.0",
        f"--advertise-address={ADDRESS}",
        f"--secure-port={API_PORT}",
        f"--cert-dir={places.keys}",
        f"--tls-cert-file={places.keys / 'server.pem'}",
        f"--tls-private-key-file={places.keys / 'server.key'}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={places.keys / 'accounts.pem'}",
        f"--service-account-signing-key-file={places.keys / 'accounts.key'}",
        f"--token-auth-file={places.keys / 'tokens.csv'}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--kubelet-preferred-address-types=InternalIP",
        f"--service-cluster-ip-range={SERVICES}",
    ]


def controller_manager(places: Places) -> list[str]:
    """Arguments of the controller manager."""
    return [
        f"--kubeconfig={places.kubeconfig('kube-controller-manager')}",
        "--bind-address=127.0.0.1",
        f"--cert-dir={places.keys / 'kube-controller-manager'}",
        "--leader-elect=false",
        "--allocate-node-cidrs",
        f"--cluster-cidr={PODS}",
        f"--service-cluster-ip-range={SERVICES}",
        "--use-service-account-credentials",
        f"--root-ca-file={places.keys / 'authority.pem'}",
        f"--service-account-private-key-file={places.keys / 'accounts.key'}",
    ]


def scheduler(places: Places) -> list[str]:
    """Arguments of the scheduler."""
    return [
        f"--kubeconfig={places.kubeconfig('kube-scheduler')}",
        "--bind-address=127.0.0.1",
        f"--cert-dir={places.keys / 'kube-scheduler'}",
        "--leader-elect=false",
    ]


def proxy(places: Places) -> list[str]:
    """Arguments of kube-proxy. It leaves alone what the kernel limits for all namespaces."""
    return [
        f"--kubeconfig={places.kubeconfig('kube-proxy')}",
        f"--hostname-override={NAME}",
        "--proxy-mode=iptables",
        f"--cluster-cidr={PODS}",
        "--conntrack-max-per-core=0",
        "--conntrack-min=0",
        f"--healthz-bind-address={ADDRESS}:10256",
        "--metrics-bind-address=127.0.0.1:10249",
    ]


def kubelet(places: Places) -> list[str]:
    """Arguments of the kubelet."""
    return [
        f"--config={places.settings / 'kubelet.json'}",
        f"--kubeconfig={places.kubeconfig('kubelet')}",
        f"--hostname-override={NAME}",
        f"--node-ip={ADDRESS}",
        f"--root-dir={places.disk / 'kubelet'}",
        f"--cert-dir={places.keys / 'kubelet'}",
        "--node-labels=topology.kubernetes.io/zone=local",
    ]


def kubelet_settings(places: Places, reserved: int) -> dict[str, Any]:
    """Settings of the kubelet. `reserved` mebibytes of this machine are not for pods."""
    least = {f"{place}.{what}": "1%" for place in ("nodefs", "imagefs") for what in ("available", "inodesFree")}
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": "0.0.0.0",
        # Only what is in the namespace reaches the kubelet.
        "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
        "authorization": {"mode": "AlwaysAllow"},
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{NAME}",
        "clusterDNS": [ADDRESS],
        "clusterDomain": DOMAIN,
        "containerRuntimeEndpoint": f"unix://{places.containerd}",
        "enforceNodeAllocatable": [],
        # The disk is as large as it must be, and images come back only by importing them again.
        "evictionHard": {"memory.available": "100Mi", **least},
        "imageGCHighThresholdPercent": 100,
        "failCgroupV1": False,
        "failSwapOn": False,
        "localStorageCapacityIsolation": True,
        "oomScoreAdj": 0,
        "podLogsDir": str(places.pod_logs),
        "resolvConf": "",
        "systemReserved": {"memory": f"{reserved}Mi"},
        "volumePluginDir": str(places.disk / "plugins"),
    }


def containerd_settings(places: Places, plugins: Path) -> str:
    """Settings of containerd, of version 2: older and newer releases read it."""
    cri = "io.containerd.grpc.v1.cri"
    return f"""version = 2
root = "{places.disk / "containerd"}"
state = "{places.root / "containerd"}"
oom_score = 0

[grpc]
  address = "{places.containerd}"

[plugins."io.containerd.internal.v1.opt"]
  path = "{places.disk / "opt"}"

[plugins."{cri}"]
  sandbox_image = "{PAUSE}"
  restrict_oom_score_adj = true
  disable_apparmor = true
  netns_mounts_under_state_dir = true

  [plugins."{cri}".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"

    [plugins."{cri}".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"

      [plugins."{cri}".containerd.runtimes.runc.options]
        Root = "{places.root / "runc"}"
        SystemdCgroup = false

  [plugins."{cri}".cni]
    bin_dir = "{plugins}"
    conf_dir = "{places.settings / "network"}"

  [plugins."{cri}".registry]
    config_path = "{places.settings / "registries"}"
"""


def registry_of_containerd(address: str) -> str:
    """Lets containerd pull from a registry without TLS."""
    return f'server = "http://{address}"\n\n[host."http://{address}"]\n  capabilities = ["pull", "resolve"]\n'


def pod_network(places: Places) -> dict[str, Any]:
    """The network of pods: a bridge in the namespace."""
    return {
        "cniVersion": "0.4.0",
        "name": NAME,
        "plugins": [
            {
                "type": "bridge",
                "bridge": "cni0",
                "isGateway": True,
                "ipMasq": True,
                "hairpinMode": True,
                "ipam": {
                    "type": "host-local",
                    "dataDir": str(places.root / "addresses"),
                    "ranges": [[{"subnet": PODS_OF_NODE}]],
                    "routes": [{"dst": "0.0.0.0/0"}],
                },
            },
            {"type": "portmap", "capabilities": {"portMappings": True}},
        ],
    }


def dns_settings(places: Places) -> str:
    """Settings of CoreDNS. Names outside of the cluster do not exist, so programs give up on them at once."""
    return f"""{DOMAIN}:53 in-addr.arpa:53 {{
    bind {ADDRESS}
    errors
    ready {ADDRESS}:{DNS_READY}
    kubernetes {DOMAIN} in-addr.arpa {{
        kubeconfig {places.kubeconfig("coredns")}
        pods insecure
        ttl 5
    }}
}}
.:53 {{
    bind {ADDRESS}
    errors
    template ANY ANY {{
        rcode NXDOMAIN
    }}
}}
"""


def first_objects() -> dict[str, Any]:
    """What the node adds to an empty cluster: the rights of CoreDNS, and a class of volumes on the node."""
    rules = [
        {"apiGroups": [""], "resources": ["endpoints", "namespaces", "pods", "services"], "verbs": ["list", "watch"]},
        {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"]},
    ]
    group = "rbac.authorization.k8s.io"
    role = {"apiVersion": f"{group}/v1", "kind": "ClusterRole", "metadata": {"name": "coredns"}, "rules": rules}
    binding = {
        "apiVersion": f"{group}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "coredns"},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "coredns"},
        "subjects": [{"apiGroup": group, "kind": "User", "name": USERS["coredns"][0]}],
    }
    volumes = {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": "local", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
        "provisioner": "kubernetes.io/no-provisioner",
        "volumeBindingMode": "WaitForFirstConsumer",
    }
    return {"apiVersion": "v1", "kind": "List", "items": [role, binding, volumes]}


def volume(name: str, place: Path, capacity: str) -> dict[str, Any]:
    """A volume in a folder of the node."""
    here = {"key": "kubernetes.io/hostname", "operator": "In", "values": [NAME]}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name},
        "spec": {
            "capacity": {"storage": capacity},
            "accessModes": ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": "local",
            "local": {"path": str(place)},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [here]}]}},
        },
    }
