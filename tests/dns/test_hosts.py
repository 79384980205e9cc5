"""[[hosts]]: names in the words of hosts(5), in files that are followed."""

import dns.rcode
import pytest
from server import wait_until

OWN = "backend_default_svc_8080.mesh"


@pytest.fixture
def hosts(folder):
    return folder / "hosts"


@pytest.fixture
def configured(server, hosts):
    """A server with the file in its configuration; neither is there yet."""
    server.configure(more=f'\n[[hosts]]\nfile = "{hosts}"\nttl = "77s"\n')
    return server


def rcode(server, name, rdtype="A"):
    return dns.rcode.to_text(server.ask(name, rdtype).rcode())


def knows(server, name, address):
    reply = server.ask(name)
    return bool(reply.answer) and reply.answer[0][0].to_text() == address


def test_names_of_the_file_are_answered(configured, hosts):
    hosts.write_text(f"192.0.2.1 db.mesh www.example.org # two\n2001:db8::1\tdb.mesh\n"
                     f"192.0.2.9 {OWN}\n10.0.0.1 *.apps.mesh\n")
    configured.start()
    reply = configured.ask("DB.mesh")
    assert reply.answer[0][0].to_text() == "192.0.2.1" and reply.answer[0].ttl == 77
    assert configured.ask("db.mesh", "AAAA").answer[0][0].to_text() == "2001:db8::1"
    assert configured.address("www.example.org", tcp=True) == "192.0.2.1"
    assert configured.address("any.apps.mesh") == "10.0.0.1"
    assert configured.address(OWN) == "240.0.0.0"  # the configuration's own
    assert configured.ask("1.2.0.192.in-addr.arpa", "PTR").answer[0][0].to_text() == "db.mesh."
    assert rcode(configured, "no.mesh") == "NXDOMAIN"
    listed = configured.run("names").stdout
    assert "db.mesh\t77\tIN\tAAAA\t2001:db8::1\n" in listed and "www.example.org\t77\t" in listed
    assert "\t192.0.2.9\n" not in listed


def test_the_file_is_followed_whatever_happens_to_it(configured, hosts, folder):
    hosts.write_text("192.0.2.1 a.mesh\n")
    configured.start()
    with hosts.open("a") as end:
        end.write("192.0.2.2 b.mesh\n")
    wait_until(lambda: knows(configured, "b.mesh", "192.0.2.2"), "an appended line")
    assert knows(configured, "a.mesh", "192.0.2.1")
    new = folder / "new"
    new.write_text("192.0.2.3 b.mesh\n")
    new.rename(hosts)
    wait_until(lambda: knows(configured, "b.mesh", "192.0.2.3"), "another file in its place")
    assert rcode(configured, "a.mesh") == "NXDOMAIN"
    hosts.write_text("")
    wait_until(lambda: rcode(configured, "b.mesh") == "NXDOMAIN", "an empty file")


def test_a_file_that_comes_late_is_taken(configured, hosts):
    configured.start()
    assert "its names come when it is there" in configured.output()
    assert rcode(configured, "a.mesh") == "NXDOMAIN"
    hosts.write_text("192.0.2.1 a.mesh\n")
    wait_until(lambda: knows(configured, "a.mesh", "192.0.2.1"), "the file")


def test_a_file_that_vanishes_takes_no_name_along(configured, hosts):
    hosts.write_text("192.0.2.1 a.mesh\n")
    configured.start()
    hosts.unlink()
    wait_until(lambda: "those before stay" in configured.output(), "the loss to be told")
    assert knows(configured, "a.mesh", "192.0.2.1")
    done = configured.run("reload")
    assert done.returncode == 1 and str(hosts) in done.stderr
    assert knows(configured, "a.mesh", "192.0.2.1")
    hosts.write_text("192.0.2.2 a.mesh\n")
    wait_until(lambda: knows(configured, "a.mesh", "192.0.2.2"), "the file again")


def test_bad_lines_are_told_and_passed_over(configured, hosts):
    hosts.write_bytes(b"192.0.2.1 a.mesh\nnonsense\n\xff\xfe\n192.0.2.300 x.mesh\n192.0.2.2 a..b ok.mesh\n")
    configured.start()
    assert knows(configured, "a.mesh", "192.0.2.1") and knows(configured, "ok.mesh", "192.0.2.2")
    assert f"{hosts}:2: 'nonsense' is no address: the line is passed over" in configured.output()
    assert f"{hosts}:5: 'a..b' is no name: it is passed over" in configured.output()


def test_many_changes_one_after_the_other(configured, hosts):
    hosts.write_text("")
    configured.start()
    for number in range(30):
        with hosts.open("a") as end:
            end.write(f"192.0.2.{number} n{number}.mesh\n")
        if number % 10 == 9:
            lines = hosts.read_text().splitlines()[5:]
            hosts.write_text("\n".join(lines) + "\n")
    wait_until(lambda: knows(configured, "n29.mesh", "192.0.2.29"), "the last line")
    wait_until(lambda: rcode(configured, "n0.mesh") == "NXDOMAIN", "the first to be gone")
    assert knows(configured, "n20.mesh", "192.0.2.20")
