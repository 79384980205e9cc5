"""A guard in the vm of the network, and what it says."""

import contextlib
import json
import socket

import lab


class Guard:
    """`with Guard(network, "[redirect.dns]...") as guard:` It is ready when the block begins."""

    def __init__(self, network, text="", hold=True, wrapper=(), **config):
        self.network, self.wrapper = network, wrapper
        self.socket = network.folder / "guard.sock"
        self.path = network.config(
            f'{text}\n[guard]\nadmin = "unix:{self.socket}"\nhold = {json.dumps(hold)}\n', **config)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        if self.process.running():
            assert self.process.stop() == 0, self.process.output()

    def start(self):
        self.process = self.network.vm_namespace.start(
            *self.wrapper, self.network.redirect, "guard", "--config", self.path)
        self.process.wait_ready(self.is_ready, "the guard")

    def ask(self, path, method="GET"):
        """(status, body)"""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(lab.PATIENCE_S)
            client.connect(str(self.socket))
            client.sendall(f"{method} {path} HTTP/1.1\r\nHost: guard\r\n\r\n".encode())
            answer = b""
            while piece := client.recv(65536):
                answer += piece
        head, _, body = answer.decode().partition("\r\n\r\n")
        return int(head.split()[1]), body

    def is_ready(self):
        with contextlib.suppress(OSError):
            return self.ask("/readyz")[0] == 200
        return False

    def metrics(self):
        """{"name{labels}": number}"""
        lines = self.ask("/metrics")[1].splitlines()
        return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2])
                for line in lines if line and not line.startswith("#")}

    def wait_for(self, metric, least=1):
        lab.wait_until(lambda: self.metrics().get(metric, 0) >= least, f"{metric} >= {least}")
