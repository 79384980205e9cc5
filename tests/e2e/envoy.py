"""A real Envoy with a static configuration: the listeners that a Kuma sidecar has."""

import json
import os
import pathlib

ADMIN_PORT = 9901
INBOUND_PORT, OUTBOUND_PORT = 15006, 15001
TCP_PROXY = "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy"
ORIGINAL_DST = ("type.googleapis.com/"
                "envoy.extensions.filters.listener.original_dst.v3.OriginalDst")


def program():
    """Where the pinned Envoy is: MESHGATE_ENVOY, or in the virtual environment of tests/run.sh."""
    if os.environ.get("MESHGATE_ENVOY"):
        return pathlib.Path(os.environ["MESHGATE_ENVOY"])
    root = pathlib.Path(__file__).resolve().parents[2]
    found = sorted(root.glob(".venv-tests/lib/python3*/site-packages/envoy/_bin/envoy"))
    return found[0] if found else None


def _socket_address(address, port):
    return {"socket_address": {"address": address, "port_value": port}}


def _forward_to(cluster):
    return {"filters": [{"name": "envoy.filters.network.tcp_proxy", "typed_config": {
        "@type": TCP_PROXY, "stat_prefix": cluster, "cluster": cluster}}]}


def _capturing_listener(name, address, port, cluster):
    """Takes what netfilter redirected: handed to the listener of its original destination if there
    is one, else to `cluster`."""
    return {"name": name, "address": _socket_address(address, port), "use_original_dst": True,
            "listener_filters": [{"name": "envoy.filters.listener.original_dst",
                                  "typed_config": {"@type": ORIGINAL_DST}}],
            "filter_chains": [_forward_to(cluster)]}


def _virtual_listener(address, port, cluster):
    return {"name": f"outbound:{address}:{port}", "address": _socket_address(address, port),
            "bind_to_port": False, "filter_chains": [_forward_to(cluster)]}


def _passthrough(name, source=None):
    cluster = {"name": name, "type": "ORIGINAL_DST", "lb_policy": "CLUSTER_PROVIDED",
               "connect_timeout": "5s"}
    if source:
        cluster["upstream_bind_config"] = {
            "source_address": {"address": source, "port_value": 0}}
    return cluster


def _named(name, endpoint, port):
    return {"name": name, "type": "STATIC", "connect_timeout": "5s", "load_assignment": {
        "cluster_name": name, "endpoints": [{"lb_endpoints": [
            {"endpoint": {"address": _socket_address(endpoint, port)}}]}]}}


def configuration(services):
    """`services`: (cluster, VIP, VIP's port, endpoint, endpoint's port), one row each."""
    clusters = {row[0]: _named(row[0], row[3], row[4]) for row in services}
    return {
        "admin": {"address": _socket_address("127.0.0.1", ADMIN_PORT)},
        "static_resources": {
            "listeners": [
                _capturing_listener("outbound_ipv4", "0.0.0.0", OUTBOUND_PORT, "outbound_ipv4"),
                _capturing_listener("outbound_ipv6", "::", OUTBOUND_PORT, "outbound_ipv6"),
                _capturing_listener("inbound_ipv4", "0.0.0.0", INBOUND_PORT, "inbound_ipv4"),
                _capturing_listener("inbound_ipv6", "::", INBOUND_PORT, "inbound_ipv6"),
            ] + [_virtual_listener(row[1], row[2], row[0]) for row in services],
            "clusters": [
                _passthrough("outbound_ipv4"), _passthrough("outbound_ipv6"),
                _passthrough("inbound_ipv4", "127.0.0.6"), _passthrough("inbound_ipv6", "::6"),
            ] + list(clusters.values()),
        },
    }


class Envoy:
    """One running Envoy in a namespace. `binary` lies where `uid` can execute it."""

    def __init__(self, namespace, binary, folder, services, uid):
        self.namespace = namespace
        config = pathlib.Path(folder) / "envoy.json"
        config.write_text(json.dumps(configuration(services), indent=1))
        config.chmod(0o644)
        self.process = namespace.start(
            binary, "--config-path", config, "--disable-hot-restart", "--concurrency", "1",
            "--log-level", "warning", uid=uid)
        self.process.wait_ready(self.ready, "Envoy")

    def _admin(self, path):
        return self.namespace.try_run("curl", "--silent", "--fail", "--max-time", "5",
                                      f"http://127.0.0.1:{ADMIN_PORT}{path}")

    def ready(self):
        return self._admin("/ready").stdout.strip() == "LIVE"

    def connections(self):
        """How many connections each cluster has been given so far, by cluster name."""
        reply = self._admin("/stats?filter=upstream_cx_total$&format=json")
        return {row["name"].split(".")[1]: row["value"] for row in json.loads(reply.stdout)["stats"]
                if row["name"].startswith("cluster.")}

    def stop(self):
        self.process.stop()
