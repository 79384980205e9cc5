"""Bad input and faults, seen from outside the programs."""

import json
import re
import signal

import lab
import mesh as m
import pytest


@pytest.fixture
def bare(new_mesh):
    """A mesh with its network and its configuration; nothing of ours runs yet."""
    mesh = new_mesh()
    mesh.build_network()
    mesh.write_config()
    return mesh


@pytest.fixture
def served(bare):
    """The same with meshgate-dns; questions go straight to it."""
    bare.start_dns()
    return bare


def ask(mesh, name="backend.mesh", *words):
    return mesh.dig("@127.0.0.1", "-p", "15053", name, *words)


def serve(mesh, **options):
    return mesh.vm.try_run(mesh.program("meshgate-dns"), "serve", "--config", mesh.config, **options)


def edit(mesh, old, new):
    text = mesh.config.read_text()
    assert old in text
    mesh.config.write_text(text.replace(old, new))


def test_an_ordinary_user_is_told_that_install_is_not_permitted(bare):
    done = bare.vm.try_run(bare.program("meshgate-redirect"), "install", "--config", bare.config,
                           uid=m.APP_UID)
    assert (done.returncode, done.stdout) == (77, "")
    assert len(done.stderr.splitlines()) <= 2


def test_check_and_dry_run_need_no_privilege_and_change_nothing(bare):
    before = bare.vm.run("nft", "-a", "list", "ruleset")
    for words in (["check"], ["install", "--dry-run"]):
        done = bare.vm.try_run(bare.program("meshgate-redirect"), *words, "--config", bare.config,
                               uid=m.APP_UID)
        assert done.returncode == 0, done.stderr
    assert bare.vm.run("nft", "-a", "list", "ruleset") == before
    assert not (bare.folder / "lib").exists()  # no state is written


@pytest.mark.parametrize("program, verb", [("meshgate-dns", "serve"),
                                           ("meshgate-redirect", "install")])
@pytest.mark.parametrize("old, new", [
    (f"user = {m.PROXY_UID}", 'user = "nobody-of-this-name"'),
    (f"user = {m.PROXY_UID}", "usr = 5678"),
    (f"user = {m.PROXY_UID}", "user = true"),
    ("[22]", "[70000]"),
    ("[[service]]", '[[service]]\nname = "other"\naddress = "240.0.0.7"\n\n[[service]]'),
], ids=["unknown-user", "unknown-key", "wrong-type", "out-of-range", "duplicate-pin"])
def test_a_bad_configuration_is_65_and_named_by_line_and_column(bare, program, verb, old, new):
    edit(bare, old, new)
    before = bare.vm.run("nft", "list", "ruleset")
    done = bare.vm.try_run(bare.program(program), verb, "--config", bare.config)
    assert (done.returncode, done.stdout) == (65, ""), done.stderr
    assert re.search(rf"{re.escape(str(bare.config))}:\d+:\d+: ", done.stderr), done.stderr
    assert bare.vm.run("nft", "list", "ruleset") == before


def test_a_port_in_use_is_status_1_and_says_which(bare):
    holder = bare.vm.start(lab.PYTHON, "-c",
                           "import socket, sys; s = socket.socket(socket.AF_INET,"
                           " socket.SOCK_DGRAM); s.bind(('127.0.0.1', 15053));"
                           "print('ready', flush=True); import signal; signal.pause()")
    holder.wait_ready(lambda: "ready" in holder.output(), "the other server")
    done = serve(bare)
    assert done.returncode == 1
    assert "127.0.0.1:15053" in done.stderr


def test_a_second_instance_ends_with_1_and_the_first_goes_on(served):
    done = serve(served)
    assert done.returncode == 1, done.stderr
    assert f"\t{m.VIP}\n" in ask(served)
    assert json.loads(served.dns_verb("status", "--json").stdout)["state"] == "ready"


def test_sigterm_ends_it_with_0_and_status_then_says_not_running(served):
    assert served.dns.stop(signal.SIGTERM) == 0
    assert served.dns_verb("status").returncode == 3


def test_datagrams_of_anything_do_not_disturb_it(served):
    noise = served.vm.start(lab.PYTHON, served.folder / "noise.py", "127.0.0.1", 15053, 4000)
    assert noise.wait() == 0, noise.output()
    assert f"\t{m.VIP}\n" in ask(served)
    assert served.dns.running()


def test_tcp_clients_that_stall_do_not_keep_others_waiting(served):
    stalled = served.vm.start(
        lab.PYTHON, "-c", "import socket, signal\n"
        "held = [socket.create_connection(('127.0.0.1', 15053)) for _ in range(50)]\n"
        "for each in held: each.sendall(b'\\x00\\x40\\x12')\n"
        "print('ready', flush=True)\nsignal.pause()")
    stalled.wait_ready(lambda: "ready" in stalled.output(), "the clients that stall")
    assert f"\t{m.VIP}\n" in ask(served, "backend.mesh", "+tcp")
    assert f"\t{m.VIP}\n" in ask(served, "backend.mesh", "+notcp")


def test_a_dead_first_upstream_costs_no_answer(bare):
    edit(bare, "[dns]", f'[dns]\nupstreams = ["10.77.2.99", "{m.DNS_ADDRESS}"]')
    bare.start_dns()
    assert f"\t{m.SERVICE_ADDRESS}\n" in ask(bare, "www.outside.example")


def test_upstreams_that_are_all_ourselves_are_servfail_and_not_ready(bare):
    edit(bare, "[dns]", '[dns]\nupstreams = ["127.0.0.1:15053", "[::1]:15053"]')
    bare.dns = bare.vm.start(bare.program("meshgate-dns"), "serve", "--config", bare.config)
    bare.dns.wait_ready(lambda: bare.http("/healthz").strip() == "ok", "meshgate-dns")
    reply = ask(bare, "www.outside.example")
    assert "status: SERVFAIL" in reply and "EDE: 22" in reply, reply
    assert "upstreams" in bare.http("/readyz")
    assert f"\t{m.VIP}\n" in ask(bare)


@pytest.mark.parametrize("fault", ["corrupt", "read-only"])
def test_a_state_file_that_cannot_be_used_is_told_and_does_not_stop_it(bare, fault):
    edit(bare, f'address = "{m.VIP}"\n', "")
    state = bare.folder / "lib" / "meshgate" / "vips.toml"
    state.parent.mkdir(parents=True)
    if fault == "corrupt":
        state.write_bytes(b"\x00\xff not TOML = = [")
    else:
        bare.vm.run("mount", "-t", "tmpfs", "-o", "ro", "tmpfs", state.parent)
    bare.start_dns()
    assert str(state) in bare.dns.output()
    assert "\t240.0.0.0\n" in ask(bare)


def test_a_vip_without_a_pin_keeps_its_address_over_a_restart_and_a_new_order(bare):
    services = "".join(f'\n[[service]]\nname = "{name}"\nport = 80\n' for name in "abc")
    bare.write_config(services)
    bare.start_dns()
    names = bare.dns_verb("names").stdout
    assert bare.dns.stop() == 0
    bare.write_config("".join(f'\n[[service]]\nname = "{name}"\nport = 80\n' for name in "cxb"))
    bare.start_dns()
    for name in "bc":
        line = next(row for row in names.splitlines() if row.startswith(f"{name}.mesh") and "\tA\t" in row)
        assert f"\t{line.split()[-1]}\n" in ask(bare, f"{name}.mesh")


def test_a_full_vip_range_is_told_and_the_names_before_it_are_served(bare):
    edit(bare, '[vip]', '[vip]\nipv4 = "240.0.0.0/31"')
    edit(bare, f'address = "{m.VIP}"\n', "")
    with open(bare.config, "a") as config:
        config.write("".join(f'\n[[service]]\nname = "s{number}"\n' for number in range(3)))
    bare.dns = bare.vm.start(bare.program("meshgate-dns"), "serve", "--config", bare.config)
    assert bare.dns.wait() in (1, 65)
    assert "240.0.0.0/31" in bare.dns.output() and "full" in bare.dns.output()
