"""nft_events.py: what happens in nf_tables, a line each (linux/netfilter/nf_tables.h): `new-element`
and `del-element` for each element, `generation` for each transaction. `nft monitor` reads the whole
ruleset first, which takes long when it is large, and ever again while somebody changes it."""

import socket
import struct

NETLINK_NETFILTER, NETLINK_ADD_MEMBERSHIP, SOL_NETLINK, GROUP_NFTABLES = 12, 1, 270, 7
NAMES = {0: "new-table", 2: "del-table", 3: "new-chain", 5: "del-chain", 6: "new-rule", 8: "del-rule",
         9: "new-set", 11: "del-set", 12: "new-element", 14: "del-element", 15: "generation"}

events = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
events.bind((0, 0))
events.setsockopt(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, GROUP_NFTABLES)
print("ready", flush=True)
while True:
    data = events.recv(1 << 20)
    while len(data) >= 16:
        length, kind = struct.unpack_from("=IH", data)
        print(NAMES.get(kind & 0xff, f"message {kind & 0xff}"), flush=True)
        data = data[(length + 3) & ~3:]
