"""A feed that does what a test wants: the unix socket of Kuma's Envoy, as a script."""

import contextlib
import hashlib
import json
import os
import socket
import threading


def body_of(names, ttl=30):
    """The document for a dictionary: name to addresses."""
    records = [{"name": name, "ips": list(ips)} for name, ips in names.items()]
    return json.dumps({"records": records, "ttl": ttl, "extraLabels": {"mesh": "default"}}).encode()


def many(count, first="10.0"):
    """So many names; the first two bytes of their addresses tell one table from another."""
    return {f"name-{number}.mesh": [f"{first}.{number >> 8 & 255}.{number & 255}"]
            for number in range(count)}


class Feed:
    """Answers as Envoy does with Kuma's two routes; `answer` may be replaced by any function of the
    request's text that gives bytes, or pieces of them to send one by one."""

    def __init__(self, path):
        self.path = str(path)
        self.body = body_of({})
        self.requests = []
        self.answer = self.like_envoy
        self.listening = None
        self.looked = threading.Condition()

    def set(self, names, ttl=30):
        self.body = body_of(names, ttl)

    @property
    def etag(self):
        return hashlib.sha256(self.body).hexdigest()

    def like_envoy(self, request):
        if f"if-none-match: {self.etag}\r\n" in request.lower():
            return f"HTTP/1.1 304 Not Modified\r\netag: {self.etag}\r\n\r\n".encode()
        return self.ok(self.body, self.etag)

    @staticmethod
    def ok(body, etag="", length=None):
        field = f"etag: {etag}\r\n" if etag else ""
        return (f"HTTP/1.1 200 OK\r\n{field}content-type: application/json\r\n"
                f"content-length: {len(body) if length is None else length}\r\n\r\n").encode() + body

    def listen(self):
        self.listening = socket.socket(socket.AF_UNIX)
        self.listening.bind(self.path)
        self.listening.listen(16)
        threading.Thread(target=self.serve, args=(self.listening,), daemon=True).start()
        return self

    def serve(self, listening):
        with contextlib.suppress(OSError):
            while True:
                client, _ = listening.accept()
                threading.Thread(target=self.serve_one, args=(client,), daemon=True).start()

    def serve_one(self, client):
        with client, contextlib.suppress(OSError):
            request = b""
            while b"\r\n\r\n" not in request:
                chunk = client.recv(4096)
                if not chunk:
                    return
                request += chunk
            text = request.decode()
            answer = self.answer(text)
            for piece in [answer] if isinstance(answer, bytes) else answer:
                client.sendall(piece)
            client.shutdown(socket.SHUT_WR)
            with self.looked:
                self.requests.append(text)
                self.looked.notify_all()

    def looks(self, count, patience=20):
        """Waits for so many more looks to be answered."""
        with self.looked:
            wanted = len(self.requests) + count
            assert self.looked.wait_for(lambda: len(self.requests) >= wanted, patience), "no looks"

    def vanish(self):
        """As a proxy that ended: first the socket is dead, then gone."""
        if self.listening:
            self.listening.shutdown(socket.SHUT_RDWR)
            self.listening.close()
            self.listening = None
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)
