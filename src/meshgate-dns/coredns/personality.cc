#include "src/meshgate-dns/coredns/personality.h"

#include "src/common/log.h"
#include "src/common/whole_file.h"
#include "src/meshgate-dns/coredns/service.h"
#include "src/meshgate-dns/file_limit.h"
#include "src/meshgate-dns/identity.h"

#include <unistd.h>

#include <csignal>
#include <iostream>

namespace meshgate::coredns {
namespace {

constexpr std::string_view help_text =
    R"(Usage: coredns [-conf FILE] [-dns.port PORT] [-pidfile FILE] [-quiet]

meshgate-dns in the place of coredns beside a Kuma proxy: serves a Corefile of the directives
forward, alternate, template (with a return code), hosts, cache, bind, prometheus, log, errors,
reload, health and ready. SIGUSR1 reads it again.

  -conf FILE          the Corefile (default: Corefile)
  -dns.port PORT, -p  of zones that name none (default: 53)
  -pidfile FILE       where the process id is written
  -quiet              say nothing at the start
  -plugins, -version, -help
)";

constexpr std::string_view plugins_text =
    "DNS Plugins:\n"
    "  dns.alternate\n  dns.bind\n  dns.cache\n  dns.errors\n  dns.forward\n  dns.health\n"
    "  dns.hosts\n  dns.log\n  dns.prometheus\n  dns.ready\n  dns.reload\n  dns.template\n";

ExitCode say(std::string_view text) {
    std::cout << text;
    return ExitCode::done;
}

void say_hello(const Service& service) {
    for (const std::string& line : service.listening()) std::cout << line << '\n';
    std::cout << version_line() << std::endl;
}

}  // namespace

ExitCode run(std::span<const char* const> arguments) {
    log::configure("coredns", log::Level::notice);
    const CommandLine line = parse_arguments(arguments);
    if (line.help) return say(help_text);
    if (line.version) return say(version_line() + "\n");
    if (line.plugins) return say(plugins_text);
    std::signal(SIGPIPE, SIG_IGN);
    asio::io_context context{1};
    asio::signal_set signals{context, SIGTERM, SIGINT, SIGQUIT};
    signals.add(SIGHUP);
    signals.add(SIGUSR1);
    const std::size_t files = dnsd::raise_file_limit();
    Service service{context, signals, line, load_plan(line), files};
    dnsd::become(std::nullopt);  // as whoever started it, but without privileges
    if (!line.pidfile.empty()) {
        write_whole_file(line.pidfile, std::to_string(::getpid()) + "\n", 0644);
    }
    if (!line.quiet) say_hello(service);
    return service.run();
}

}  // namespace meshgate::coredns
