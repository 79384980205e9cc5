#include "conf/load.h"
#include "src/common/log.h"
#include "src/meshgate-redirect/guard/holder.h"
#include "src/meshgate-redirect/setup.h"
#include "src/meshgate-redirect/verbs.h"
#include "src/users/users.h"

#include "netfilter/nftnl/kernel.h"

#include <cerrno>
#include <iostream>
#include <span>
#include <string_view>
#include <system_error>

namespace meshgate::redirect {
namespace {

constexpr std::string_view help_text =
    R"(Usage: meshgate-redirect VERB [OPTION...]

Captures the traffic of this machine for a service mesh: one nftables table, in one transaction, or
chains of iptables where there is no nftables.

Verbs:
  install                make the capture what the configuration says
  uninstall              take all of it away; needs no configuration
  confirm                keep what "install --confirm" has installed
  guard                  keep the rules as they should be: repair them, follow the machine
  status [--json]        what is installed, and whether it is what the configuration says
  diff                   what install would add (+) and remove (-)
  explain tcp|udp ADDRESS:PORT
                         say where such a packet goes and why, rule by rule
  doctor [--probe] [--json]
                         say what is wrong here, what follows from it, and what to do; with
                         --probe send packets over every path, and say where they went
  check                  say what is wrong with the configuration, or nothing
  import kumactl -- OPTION...      print the TOML that says what kumactl's options say
  import kuma-config FILE...       the same for Kuma's YAML or JSON

Options:
  --config FILE          the configuration (default: /etc/meshgate/meshgate.toml; "-": standard
                         input); Kuma's YAML or JSON too, several times: the later one wins
  --dry-run              of install: print the ruleset, change nothing; needs no privilege
                         of uninstall: print what would be removed
  --replace              of install: in the place of rules of Kuma, Istio or Linkerd, which go
  --format nft|json|iptables
                         of --dry-run; iptables: what iptables-restore --noflush and then
                         ip6tables-restore --noflush take
  --confirm TIME         of install: the previous state comes back after TIME (such as 60s, up to 1h)
                         unless "confirm" is called; the port of this SSH session stays uncaptured
                         until then
  --undo                 of confirm: put the previous state back now
  --probe                of install: send packets over every path, and put the previous state back
                         at once if one goes another way than planned
  --flush-connections    of install: end the connections that are older and would be captured now
                         of uninstall: end those that are captured
  --drain TIME           of uninstall: new connections go direct at once, captured ones stay so until
                         they end, for at most TIME (such as 30s, up to 1h)
  --verbose              say what is done
  --trace                of explain: send one and follow it through everybody's rules
  --user U --group G --mark M --inbound --from ADDRESS --interface NAME --planned --batch --json
                         of explain: who opens it, in which group, with which mark (SO_MARK); it
                         arrives; from where; at which; by the configuration; many, a line of
                         standard input each
  --help, --version

Options of kumactl, which override the file; lists may be given several times:
  --kuma-dp-user USER             the proxy's user, by name or number
  --ip-family-mode dualstack|ipv4|ipv6
  --redirect-inbound=false        leave alone what comes from outside
  --redirect-inbound-port PORT    where it goes (15006)
  --redirect-outbound-port PORT   where TCP from this machine goes (15001)
  --redirect-dns                  capture DNS to the servers in resolv.conf
  --redirect-all-dns-traffic      capture DNS to any server
  --redirect-dns-port PORT        where captured DNS goes (15053)
  --skip-dns-conntrack-zone-split
  --exclude-inbound-ports LIST    TCP ports such as 22,8000-8100 that are left alone
  --exclude-outbound-ports LIST
  --exclude-outbound-ports-for-uids [PROTOCOLS:[PORTS:]]UIDS
                                  such as tcp:53,3000-5000:106-108
  --exclude-inbound-ips LIST      addresses and networks that are left alone
  --exclude-outbound-ips LIST
  --vnet INTERFACE:NETWORK        clients behind an interface
  --drop-invalid-packets
  --store-firewalld               the rules come back with the machine, or its firewalld
  --iptables-logs                 the kernel logs each captured connection
  --redirect-inbound-insert-instead-of-append, --redirect-outbound-insert-instead-of-append
                                  before the rules of others
The environment is read too (KUMA_TRANSPARENT_PROXY_...): files < environment < options.
What is for iptables only (--wait and the like) is taken and means nothing.
"install transparent-proxy" and "uninstall transparent-proxy" are install and uninstall.

Exit status: 0 done, 1 failed, 2 usage or "differs", 3 not installed, 65 bad configuration,
77 not permitted.
)";

ExitCode run(const Invocation& invocation) {
    switch (invocation.verb) {
    case Verb::install:
        return install(invocation);
    case Verb::uninstall:
        return uninstall(invocation);
    case Verb::status:
        return status(invocation);
    case Verb::diff:
        return diff(invocation);
    case Verb::check:
        return check(invocation);
    case Verb::import:
        return import(invocation);
    case Verb::explain:
        return explain(invocation);
    case Verb::confirm:
        return confirm(invocation);
    case Verb::guard:
        return guard(invocation);
    case Verb::doctor:
        return doctor(invocation);
    }
    return ExitCode::usage;
}

ExitCode dispatch(std::span<const char* const> arguments) {
    const CommandLine line = parse_command_line(arguments, known_options());
    if (line.toggle("help")) {
        std::cout << help_text;
        return ExitCode::done;
    }
    if (line.toggle("version")) {
        std::cout << "meshgate-redirect " MESHGATE_VERSION "\n";
        return ExitCode::done;
    }
    const Invocation invocation = parse_invocation(line);
    const bool verbose = invocation.verbose.value_or(false);
    log::configure("meshgate-redirect", verbose ? log::Level::info : log::Level::notice);
    return run(invocation);
}

ExitCode refused(int error, const char* message, const std::string& advice = {}) {
    if (error != EPERM && error != EACCES) {
        log::error(message);
        return ExitCode::failed;
    }
    if (!advice.empty()) {
        log::error(std::string{message} + "; " + advice);
        return ExitCode::failed;
    }
    log::error(std::string{message} + "; run as root (CAP_NET_ADMIN)");
    return ExitCode::not_permitted;
}

/// The one place where exceptions become exit codes.
ExitCode guarded(std::span<const char* const> arguments) {
    try {
        return dispatch(arguments);
    } catch (const UsageError& error) {
        log::error(std::string{error.what()} + " (see meshgate-redirect --help)");
        return ExitCode::usage;
    } catch (const conf::Error& error) {
        for (const auto& one : error.diagnostics()) log::error(one.to_string());
        return ExitCode::bad_config;
    } catch (const UnknownUser& error) {
        log::error(error.what());
        return ExitCode::bad_config;
    } catch (const netfilter::KernelError& error) {
        return refused(error.error(), error.what(),
                       error.error() == EPERM ? held_advice() : std::string{});
    } catch (const std::system_error& error) {
        return refused(error.code().value(), error.what());
    } catch (const std::exception& error) {
        log::error(error.what());
        return ExitCode::failed;
    }
}

}  // namespace
}  // namespace meshgate::redirect

int main(int argc, char** argv) {
    using namespace meshgate;
    log::configure("meshgate-redirect", log::Level::notice);
    const std::span<const char* const> arguments{argv, static_cast<std::size_t>(argc)};
    const auto code = redirect::guarded(arguments.subspan(argc > 0 ? 1 : 0));
    std::cout.flush();
    if (!std::cout) {
        log::error("standard output: the data could not be written");
        return static_cast<int>(ExitCode::failed);
    }
    return static_cast<int>(code);
}
