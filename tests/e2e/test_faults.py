"""Bad input and faults where both programs or more than one machine take part; tests/dns and
tests/netns have those of one program."""

import re

import mesh as m
import pytest


@pytest.fixture
def bare(new_mesh):
    """A mesh with its network and its configuration; nothing of ours runs yet."""
    mesh = new_mesh()
    mesh.build_network()
    mesh.write_config()
    return mesh


def ask(mesh, name="backend.mesh", *words):
    return mesh.dig("@127.0.0.1", "-p", "15053", name, *words)


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


def test_a_dead_first_upstream_costs_no_answer(bare):
    edit(bare, "[dns]", f'[dns]\nupstreams = ["10.77.2.99", "{m.DNS_ADDRESS}"]')
    bare.start_dns()
    assert f"\t{m.SERVICE_ADDRESS}\n" in ask(bare, "www.outside.example")


def test_a_full_vip_range_is_65_and_names_the_service_that_got_none(bare):
    edit(bare, '[vip]', '[vip]\nipv4 = "240.0.0.0/31"')
    with open(bare.config, "a") as config:
        config.write("".join(f'\n[[service]]\nname = "s{number}"\n' for number in range(3)))
    done = bare.vm.try_run(bare.program("meshgate-dns"), "serve", "--config", bare.config)
    assert (done.returncode, done.stdout) == (65, "")
    assert "240.0.0.0/31" in done.stderr and "'s2'" in done.stderr
