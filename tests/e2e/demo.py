"""The main job, step by step, for contrib/quickstart.sh: what the end-to-end tests prove, told."""

import sys

import envoy
import lab
import mesh as m


def step(text):
    print(f"\n== {text}", flush=True)


def show(command, output, limit=12):
    print(f"   $ {command}")
    lines = output.rstrip().splitlines()
    for line in lines[:limit]:
        print(f"     {line}")
    if len(lines) > limit:
        print(f"     ... and {len(lines) - limit} lines more")
    sys.stdout.flush()


def expect(condition, what):
    if not condition:
        raise AssertionError(what)


def network(mesh):
    step("Three private network namespaces: a VM, a remote service, an outside DNS server")
    mesh.build_network()
    mesh.write_config()
    show("cat meshgate.toml", mesh.config.read_text(), 40)


def programs(mesh):
    step("meshgate-dns: as root it binds its ports, then becomes the proxy's user (uid 5678)")
    mesh.start_dns()
    show("meshgate-dns names", mesh.dns_verb("names").stdout)
    step("A real Envoy as uid 5678: listeners on 15001 and 15006, and one for the VIP "
         f"{m.VIP}:80 -> cluster \"backend\"")
    mesh.start_envoy()
    step("meshgate-redirect: one table, one transaction")
    before = mesh.vm.run("nft", "list", "ruleset")
    show("meshgate-redirect install --dry-run", mesh.redirect("install", "--dry-run").stdout)
    done = mesh.install()
    show("meshgate-redirect install; meshgate-redirect status",
         done.stderr + mesh.redirect("status").stdout)
    return before


def application(mesh):
    step("An application that knows nothing of the mesh (uid 1000)")
    show("dig +short backend.mesh", mesh.dig("+short", "backend.mesh"))
    with mesh.counting() as rise:
        reply = mesh.curl("http://backend.mesh/")
    show("curl http://backend.mesh/", reply.stdout or reply.stderr)
    print(f"     Envoy: cluster backend +{rise['backend']} connection, "
          f"passthrough +{rise['outbound_ipv4']}")
    expect(reply.returncode == 0 and rise["backend"] > 0, "backend.mesh was not reached")
    show("dig +short www.outside.example   # forwarded", mesh.dig("+short", "www.outside.example"))
    step("A request from the remote machine to the VM's own service passes the proxy too; "
         "port 22 does not")
    for port in (8080, 22):
        with mesh.counting() as rise:
            reply = mesh.curl(f"http://{m.VM_ADDRESS}:{port}/", namespace=mesh.remote)
        show(f"curl http://{m.VM_ADDRESS}:{port}/", reply.stdout or reply.stderr)
        print(f"     Envoy: inbound +{rise['inbound_ipv4']} connection")


def removal(mesh, before):
    step("Uninstall takes away exactly what install put there")
    mesh.uninstall()
    reply = mesh.curl("http://backend.mesh/")
    show("meshgate-redirect uninstall; curl http://backend.mesh/", reply.stderr)
    expect(reply.returncode != 0, "backend.mesh was reached without the capture")
    expect(mesh.vm.run("nft", "list", "ruleset") == before, "rules were left behind")
    print("     nft list ruleset: as before")
    mesh.dns.stop()
    mesh.envoy.stop()


def main():
    source = envoy.program()
    expect(source, "no Envoy: contrib/quickstart.sh installs it")
    with lab.lab_folder() as folder:
        mesh = m.Mesh(folder, lab.publish(source, folder))
        try:
            network(mesh)
            before = programs(mesh)
            application(mesh)
            removal(mesh, before)
        finally:
            mesh.close()
    step("Done: namespaces, processes and files of this demonstration are gone. "
         "tests/run.sh proves the rest.")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
