"""Words in the configuration that would be more than words, in every key that takes text: the list
of keys is the schema's. They are refused, or they stay words: in what is printed for nft and for
iptables, and in what is installed."""

import json
import os
import subprocess

import network as n
import pytest

SCHEMA = json.loads((n.HERE.parents[1] / "conf" / "meshgate.schema.json").read_text())
WORDS = ("$(touch {mark})", "`touch {mark}`", "; touch {mark} #", "x\n-A OUTPUT -j DROP", "-j DROP",
         'x" ; flush ruleset', "x\\", "a b", "../../{mark}", "%s%n", "\0", "\x1b[2J", "$(id)", "a;b",
         "--", "-j", "{id}", "@nameservers", "!x", "x#y", "a'b", "|id", "&", ">x", "x\r", "*")
# What an entry of a list of tables has to have beside the key in question.
BESIDE = {
    "redirect.outbound.exclude": {"users": 1},
    "redirect.network": {"interface": "lan0", "cidr": "10.66.2.0/24"},
    "dns.forward": {"suffix": "corp.example", "upstreams": "10.0.0.53"},
    "service": {"name": "web", "port": 80},
    "external_service": {"name": "web", "endpoint": "example.org:443"},
    "virtual_outbound": {"name": "by-version", "selectors": [{"version": "*"}],
                         "host": "{{.v}}.mesh", "port": 80, "parameters": {"v": "version"}},
    "hostname_generator": {"name": "east", "kind": "MeshService", "template": "x.mesh"},
    "reachable.backends.refs": {"kind": "MeshService", "name": "web"},
    "hosts": {"file": "/etc/hosts"},
    "record": {"name": "a.mesh", "type": "A", "value": "10.0.0.1"},
}


def takes_text(schema):
    return (schema.get("type") == "string" or "enum" in schema or
            any(takes_text(each) for each in schema.get("anyOf", [])) or
            (schema.get("type") == "array" and takes_text(schema["items"])))


def keys(schema, path=""):
    """(path, how to put a word there) of every key below: "" itself, "key" or "value" of a map."""
    for name, below in schema.get("properties", {}).items():
        where = f"{path}.{name}".strip(".")
        entry = below.get("items", {}) if below.get("type") == "array" else below
        if "properties" in entry:
            yield from keys(entry, where + ("[]" if entry is not below else ""))
        elif entry.get("type") == "object":
            yield from ((where, "key"), (where, "value"))
        elif takes_text(below):
            yield where, ""


KEYS = list(keys(SCHEMA))
PARTS = 1 if os.environ.get("MESHGATE_FULL") else 2  # half of the words for each key, in turn


def toml(value):
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {toml(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value)  # its escapes are TOML's too


def merged(below, above):
    """The one in the other, as far as both are tables."""
    if not (isinstance(below, dict) and isinstance(above, dict)):
        return above
    return {**below, **{key: merged(below.get(key), value) for key, value in above.items()}}


def with_word(where, how, word):
    """The tables that have the word in that key."""
    value = {"": word, "key": {word: "x"}, "value": {"x": word}}[how]
    if where == "virtual_outbound[].selectors":
        value = [value]
    parts = where.split(".")
    for depth in range(len(parts) - 1, -1, -1):
        name = parts[depth].removesuffix("[]")
        value = {name: value}
        if depth and parts[depth - 1].endswith("[]"):
            table = ".".join(parts[:depth]).replace("[]", "")
            value = [merged(BESIDE[table], value)]
    return value


def configuration(network, tables, engine=None):
    base = {"proxy": {"user": n.PROXY},
            "redirect": {"dns": {"enabled": True, "capture": "all"}, **(engine or {})}}
    text = "".join(f"{key} = {toml(each)}\n" for key, each in merged(base, tables).items())
    return network.write(text, "hostile.toml")


def dry(network, path, form):
    """Without a namespace: it changes nothing, and this is done thousands of times."""
    done = subprocess.run([network.redirect, "install", "--dry-run", "--format", form, "--config", path],
                          capture_output=True, text=True)
    assert done.returncode in (0, 65), done.stderr
    for text in (done.stdout, done.stderr):
        assert not [c for c in text if ord(c) < 32 and c not in "\n\t"], text
    return done


def words(network, part=0, parts=1):
    mark = network.folder / "touched"
    assert not mark.exists()
    return [word.replace("{mark}", str(mark)) for word in WORDS[part::parts]]


@pytest.fixture
def plain(network):
    """What is printed without any such word."""
    path = configuration(network, {})
    return {form: dry(network, path, form).stdout for form in ("nft", "iptables")}


def test_every_list_of_tables_is_known():
    lists = {where[:where.rindex("[]")].replace("[]", "") for where, _ in KEYS if "[]" in where}
    assert lists == set(BESIDE)
    assert len(KEYS) >= 80


@pytest.mark.parametrize("where, how", KEYS, ids=lambda one: one)
def test_hostile_words_are_refused_or_stay_words(network, plain, where, how):
    vm = network.vm_namespace
    for word in words(network, KEYS.index((where, how)) % PARTS, PARTS):
        path = configuration(network, with_word(where, how, word))
        printed = dry(network, path, "nft")
        if printed.returncode == 0 and printed.stdout != plain["nft"]:
            # The words of a rule: whatever nft and iptables make of them, it is the same rule.
            checked = vm.try_run("nft", "-c", "-f", "-", input=printed.stdout)
            assert checked.returncode == 0, (word, checked.stderr)
            text = dry(network, path, "iptables").stdout
            assert len(text.splitlines()) >= len(plain["iptables"].splitlines())
            for program, part in zip(("iptables-nft", "ip6tables-nft"),
                                     text.split("# ip6tables-restore --noflush\n")):
                checked = vm.try_run(f"{program}-restore", "--noflush", "--test", input=part)
                assert checked.returncode == 0, (word, checked.stderr)
    assert not (network.folder / "touched").exists()
    assert network.run("status").returncode == 3


# Where a word of somebody gets into a rule: what is installed is read back, and it is that word.
RULE_WORDS = [("redirect.log_prefix", ""), ("redirect.network[].interface", "")]


@pytest.mark.parametrize("engine", n.ENGINES, indirect=True)
@pytest.mark.parametrize("where, how", RULE_WORDS, ids=lambda one: one)
def test_what_is_installed_is_the_word(network, engine, where, how):
    engine = dict(line.replace('"', "").split(" = ") for line in network.engine.splitlines())
    installed = 0
    for word in words(network):
        path = configuration(network, with_word(where, how, word), engine)
        done = network.run("install", config=path)
        assert done.returncode in (0, 65), (word, done.stderr)
        if done.returncode == 65:
            continue
        installed += 1
        for verb in ("status", "diff"):
            done = network.run(verb, config=path)
            assert done.returncode == 0, (word, done.stdout)
        rules = network.rules()
        assert not [line for line in rules.splitlines()
                    if line.startswith("-A OUTPUT -j DROP") or line.strip() == "drop"]
        assert network.run("uninstall").returncode == 0
    assert installed > 5
    assert not (network.folder / "touched").exists()
