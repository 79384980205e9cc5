"""The edge appliance as its user sees it: names, two services, back ends that leave and return, a
client behind a LAN interface, a power cut."""

import signal

import edge as e
import lab
import pytest

BLUE, GREEN = "10.77.2.11:8080", "10.77.2.12:8080"


@pytest.fixture
def edge():
    with lab.lab_folder() as folder:
        made = e.Edge(folder)
        try:
            yield made.start()
        finally:
            made.close()


@pytest.mark.parametrize("who", ["box", "lan"])
def test_services_by_name_from_the_box_and_from_the_lan(edge, who):
    namespace = getattr(edge, who)
    assert set(edge.answers("http://backend.mesh/", 30, namespace)) == {"blue", "green"}
    assert set(edge.answers("http://shop.mesh/", 30, namespace)) == {"apple", "pear"}
    assert "240.0.0." in namespace.run("dig", "+short", "backend.mesh", "@8.8.8.8")
    answer = namespace.run("dig", "+short", "www.outside.example", "@8.8.8.8", uid=e.APP_UID)
    assert answer.strip() == e.OUTSIDE


@pytest.mark.parametrize("who", ["box", "lan"])
def test_a_back_end_leaves_and_returns(edge, who):
    namespace = getattr(edge, who)
    edge.stop_back_end(BLUE)
    edge.wait_log(f"{BLUE} is dead")
    assert edge.answers("http://backend.mesh/", 10, namespace) == {"green": 10}
    edge.start_back_end(BLUE)
    edge.wait_log(f"{BLUE} is alive again")
    assert set(edge.answers("http://backend.mesh/", 30, namespace)) == {"blue", "green"}


def test_with_all_of_them_gone_it_is_refused_at_once(edge):
    for at in (BLUE, GREEN):
        edge.stop_back_end(at)
    edge.wait_log("is dead", 2)
    for namespace in (edge.box, edge.lan):
        assert edge.curl("http://backend.mesh/", namespace)[0] == 7  # could not connect


def test_a_query_of_the_lan_is_answered_and_nobody_elses(edge):
    """The resolver is bound to the LAN's address: from outside it is closed."""
    for address in (e.BOX, e.LAN_BOX):
        done = edge.outside.try_run("dig", f"@{address}", "-p", "15053", "+time=1", "+tries=1",
                                    "backend.mesh")
        assert "status: NOERROR" not in done.stdout, done.stdout


def test_a_power_cut_comes_back_with_the_same_addresses_and_rules(edge):
    def addresses():
        return [edge.box.run("dig", "+short", f"{name}.mesh", "@8.8.8.8") for name in e.SERVICES]

    before = addresses()
    state = (edge.folder / "lib/meshgate/vips.toml").read_text()
    rules = edge.box.run("nft", "-s", "list", "table", "inet", "meshgate")
    for process in (edge.dns, edge.guard):
        process.send_signal(signal.SIGKILL)
        process.wait()
    edge.box.run("nft", "flush", "ruleset") if "owner" not in rules else None
    edge.start_guard()  # in either order
    edge.start_dns()
    assert addresses() == before
    assert (edge.folder / "lib/meshgate/vips.toml").read_text() == state
    assert edge.box.run("nft", "-s", "list", "table", "inet", "meshgate") == rules
    assert set(edge.answers("http://backend.mesh/", 30)) == {"blue", "green"}
