"""big_dns.py PORT: answers every TXT question with 4,000 bytes of text; over UDP with TC."""

import socket
import socketserver
import sys
import threading

import dns.flags
import dns.message
import dns.rrset

TEXT = " ".join(f'"{number:03d}{"x" * 197}"' for number in range(20))


def answer(wire, truncate):
    question = dns.message.from_wire(wire)
    response = dns.message.make_response(question)
    response.flags |= dns.flags.AA
    if truncate:
        response.flags |= dns.flags.TC
    else:
        response.answer.append(dns.rrset.from_text(question.question[0].name, 60, "IN", "TXT", TEXT))
    return response.to_wire(max_size=65535)


class Udp(socketserver.BaseRequestHandler):
    def handle(self):
        self.request[1].sendto(answer(self.request[0], True), self.client_address)


class Tcp(socketserver.StreamRequestHandler):
    def handle(self):
        while length := self.rfile.read(2):
            wire = answer(self.rfile.read(int.from_bytes(length, "big")), False)
            self.wfile.write(len(wire).to_bytes(2, "big") + wire)


address = ("127.0.0.1", int(sys.argv[1]))
udp = socketserver.ThreadingUDPServer(address, Udp)
socketserver.ThreadingTCPServer.allow_reuse_address = True
tcp = socketserver.ThreadingTCPServer(address, Tcp)
threading.Thread(target=udp.serve_forever, daemon=True).start()
print("ready", flush=True)
tcp.serve_forever()
