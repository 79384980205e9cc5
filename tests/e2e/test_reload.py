"""A reload loses no question."""

import json
import os

import lab
import mesh as m

RELOADS = 50
QUERIES = 100_000 if os.environ.get("MESHGATE_FULL") else 10_000


def test_no_question_is_lost_over_50_reloads_and_the_last_record_is_served(new_mesh):
    mesh = new_mesh().start()
    clients = [mesh.client(protocol, m.DNS_ADDRESS, QUERIES // 2, "backend.mesh",
                           "--progress", QUERIES // (2 * RELOADS)) for protocol in ("udp", "tcp")]

    def progress():
        return sum(client.output().count("progress") for client in clients)

    for number in range(1, RELOADS + 1):
        # Spread over the whole of both clients' questions, which make 2 * RELOADS steps.
        lab.wait_until(lambda: progress() >= 2 * number - 2, f"question {number} of the clients")
        mesh.write_config(f'[[record]]\nname = "turn.mesh"\ntype = "A"\nvalue = "10.0.0.{number}"\n')
        mesh.reload()

    for client in clients:
        assert client.wait(120) == 0, client.output()
        assert json.loads(client.output().splitlines()[-1]) == {f"NOERROR {m.VIP}": QUERIES // 2}
    assert mesh.metric('meshgate_dns_reloads_total{result="ok"}') == RELOADS
    assert mesh.metric('meshgate_dns_reloads_total{result="failed"}') == 0
    assert f"\t10.0.0.{RELOADS}\n" in mesh.dig("turn.mesh", "A")
