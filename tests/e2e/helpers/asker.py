"""asker.py PORT NAME ...: asks 127.0.0.1 for the addresses of these names until it is killed. Prints
each answer that it has not had before."""

import socket
import sys
import time

import dns.message
import dns.rdatatype

port, names = int(sys.argv[1]), sys.argv[2:]
seen = set()
print("ready", flush=True)
while True:
    for name in names:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(0.2)
            try:
                client.connect(("127.0.0.1", port))
                client.send(dns.message.make_query(name, "A").to_wire())
                answer = dns.message.from_wire(client.recv(4096)).answer
            except OSError:  # nobody listens at the moment
                time.sleep(0.001)
                continue
        for record in answer:
            for address in record:
                if record.rdtype == dns.rdatatype.A and (name, str(address)) not in seen:
                    seen.add((name, str(address)))
                    print(name, address, flush=True)
