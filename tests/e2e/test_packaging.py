"""What `meson install` puts where, and whether a service manager likes it."""

import os
import pathlib
import re
import shutil
import subprocess

import lab
import mesh as m
import pytest

UNITS = ("meshgate-dns.service", "meshgate-guard.service", "meshgate-redirect.service")
ROOT = pathlib.Path(__file__).resolve().parents[2]


def prefix():
    options = subprocess.run(["/usr/bin/meson", "introspect", "--buildoptions", m.build_folder()],
                             check=True, capture_output=True, text=True).stdout
    return next(row["value"] for row in lab.json.loads(options) if row["name"] == "prefix")


@pytest.fixture(scope="module")
def installed():
    """A DESTDIR with everything in it, and the prefix within."""
    with lab.lab_folder() as folder:
        subprocess.run(["/usr/bin/meson", "install", "-C", m.build_folder(), "--no-rebuild",
                        "--quiet"], check=True, env={**os.environ, "DESTDIR": str(folder)})
        yield folder, folder / prefix().lstrip("/")


def unit_text(installed, name):
    return (installed[1] / "lib/systemd/system" / name).read_text()


def capabilities(text):
    words = re.search(r"^CapabilityBoundingSet=(.*)$", text, re.M)[1].split()
    return [word.removeprefix("CAP_").lower() for word in words]


def test_every_file_is_where_a_distribution_puts_it(installed):
    folder, usr = installed
    for program in ("meshgate-dns", "meshgate-redirect"):
        assert os.access(usr / "sbin" / program, os.X_OK)
    for file in [f"lib/systemd/system/{unit}" for unit in UNITS] + [
            "lib/sysusers.d/meshgate.conf", "share/meshgate/meshgate.schema.json",
            "share/doc/meshgate/README.md"]:
        assert (usr / file).is_file(), file
    recipes = usr / "share/doc/meshgate/examples/resolver"
    assert sorted(recipes.iterdir()) == [recipes / path.name
                                         for path in sorted((ROOT / "contrib/resolver").iterdir())]
    assert os.access(recipes / "resolvconf-upstreams.sh", os.X_OK)
    sample = folder / "etc/meshgate/meshgate.toml"
    assert sample.read_bytes() == (ROOT / "conf/meshgate.toml").read_bytes()


def test_the_installed_programs_accept_the_installed_sample(installed):
    folder, usr = installed
    for program in ("meshgate-dns", "meshgate-redirect"):
        done = subprocess.run([usr / "sbin" / program, "check", "--config",
                               folder / "etc/meshgate/meshgate.toml"],
                              capture_output=True, text=True)
        assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_the_administrators_configuration_survives_another_install(installed):
    folder, _ = installed
    sample = folder / "etc/meshgate/meshgate.toml"
    sample.write_text("# mine\n")
    subprocess.run(["/usr/bin/meson", "install", "-C", m.build_folder(), "--no-rebuild", "--quiet"],
                   check=True, env={**os.environ, "DESTDIR": str(folder)})
    assert sample.read_text() == "# mine\n"
    shutil.copyfile(ROOT / "conf/meshgate.toml", sample)


@pytest.fixture
def verifiable(installed, tmp_path):
    """The units, with the programs named where they lie now."""
    if not shutil.which("systemd-analyze"):
        pytest.skip("no systemd-analyze")
    for unit in UNITS:
        text = unit_text(installed, unit).replace(f"{prefix()}/sbin", f"{installed[1]}/sbin")
        (tmp_path / unit).write_text(text)
    return tmp_path


@pytest.mark.parametrize("unit", UNITS)
def test_the_unit_passes_systemd_analyze_verify(verifiable, unit):
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", verifiable / unit],
                          capture_output=True, text=True)
    ours = [line for line in done.stderr.splitlines() if "meshgate" in line]
    assert not ours, done.stderr


@pytest.mark.parametrize("unit, threshold", [("meshgate-dns.service", 25),
                                             ("meshgate-guard.service", 25),
                                             ("meshgate-redirect.service", 23)])
def test_the_unit_is_as_hardened_as_it_was(verifiable, unit, threshold):
    done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager",
                           f"--threshold={threshold}", verifiable / unit],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_the_units_are_ordered_around_the_firewall_and_the_proxy(installed):
    text = unit_text(installed, "meshgate-redirect.service")
    after = " ".join(re.findall(r"^After=(.*)$", text, re.M)).split()
    assert {"nftables.service", "firewalld.service", "meshgate-dns.service"} <= set(after)
    assert "kuma-dp.service" in re.search(r"^Before=(.*)$", text, re.M)[1].split()
    assert "Type=oneshot" in text and "RemainAfterExit=yes" in text
    for unit in ("meshgate-dns.service", "meshgate-guard.service"):
        assert "Type=notify\n" in unit_text(installed, unit)
    # It takes over what the other has installed, and is not before it.
    assert "meshgate-redirect.service" in unit_text(installed, "meshgate-guard.service")


def test_sysusers_makes_the_proxys_user(installed, tmp_path):
    if not shutil.which("systemd-sysusers"):
        pytest.skip("no systemd-sysusers")
    (tmp_path / "etc").mkdir()
    subprocess.run(["systemd-sysusers", f"--root={tmp_path}",
                    installed[1] / "lib/sysusers.d/meshgate.conf"], check=True,
                   capture_output=True)
    entry = (tmp_path / "etc/passwd").read_text().split("\n")[0].split(":")
    assert entry[0] == "kuma-dp" and entry[2] == "5678"


def test_the_capabilities_of_the_units_are_enough(installed, new_mesh):
    """Both programs work, and meshgate-dns changes its user, with nothing but their unit's
    capabilities."""
    mesh = new_mesh()
    mesh.build_network()
    mesh.write_config()
    mesh.start_envoy()

    def confined(unit):
        allowed = ",".join(f"+{name}" for name in capabilities(unit_text(installed, unit)))
        return ["setpriv", "--no-new-privs", f"--bounding-set=-all,{allowed}",
                f"--inh-caps=-all"]

    # RuntimeDirectory= and StateDirectory=; at the second start they belong to the other user.
    for name in ("run", "lib"):
        (mesh.folder / name / "meshgate").mkdir(parents=True)
    for start in (1, 2):
        mesh.dns = mesh.vm.start(*confined("meshgate-dns.service"), mesh.program("meshgate-dns"),
                                 "serve", "--config", mesh.config)
        mesh.dns.wait_ready(lambda: mesh.http("/readyz").strip() == "ready", "meshgate-dns")
        status = pathlib.Path(f"/proc/{mesh.dns.pid}/status").read_text()
        assert re.search(rf"^Uid:(\s+{m.PROXY_UID}){{4}}$", status, re.M), status
        assert re.search(r"^CapEff:\s+0+$", status, re.M), status
        assert "warning" not in mesh.dns.output()
        if start == 1:
            assert mesh.dns.stop() == 0
    done = mesh.vm.try_run(*confined("meshgate-redirect.service"),
                           mesh.program("meshgate-redirect"), "install", "--config", mesh.config)
    assert done.returncode == 0, done.stderr
    assert mesh.curl("http://backend.mesh/").returncode == 0
