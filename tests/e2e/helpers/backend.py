"""backend.py ADDRESS:PORT NAME: an HTTP server that says its name."""

import http.server
import sys

at, name = sys.argv[1:]
host, port = at.rsplit(":", 1)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = f"{name}\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer((host, int(port)), Handler)
print("ready", flush=True)
server.serve_forever()
