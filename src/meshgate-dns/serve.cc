#include "conf/kuma/resource_folder.h"
#include "conf/load.h"
#include "src/common/asio.h"
#include "src/common/log.h"
#include "src/daemon/admin_server.h"
#include "src/meshgate-dns/admin_sockets.h"
#include "src/meshgate-dns/bind_all.h"
#include "src/meshgate-dns/file_limit.h"
#include "src/meshgate-dns/identity.h"
#include "src/meshgate-dns/listen_addresses.h"
#include "src/meshgate-dns/service.h"
#include "src/meshgate-dns/verbs.h"

#include <unistd.h>

#include <csignal>

#include <algorithm>
#include <filesystem>
#include <system_error>

namespace meshgate::dnsd {
namespace {

/// The addresses the services had, from a file and folder that belong to the user from now on.
dns::zone::VipState take_state(const std::string& file, const std::optional<Identity>& identity,
                               std::vector<std::string>& warnings) {
    try {
        prepare_directory(std::filesystem::path{file}.parent_path(), identity);
        hand_over_file(file, identity);
    } catch (const std::system_error& error) {
        warnings.emplace_back(error.what());  // keep_state() says what it means
    }
    const ActingAs user{identity};
    return read_kept_state(file, warnings);
}

/// The query log is made by the user we are then. A file that is there stays who it belongs to.
void prepare_query_log(const std::string& file, const std::optional<Identity>& identity,
                       std::vector<std::string>& warnings) {
    if (!file.starts_with('/')) return;
    try {
        prepare_directory(std::filesystem::path{file}.parent_path(), identity);
    } catch (const std::system_error& error) {
        warnings.emplace_back(error.what());
    }
}

/// A reload reads the file as the user we are then.
void warn_if_unreadable(const std::optional<std::string>& file) {
    const std::string path = file.value_or(std::string{conf::default_path});
    if (path == "-" || ::access(path.c_str(), F_OK) != 0) return;
    if (::access(path.c_str(), R_OK) != 0) {
        log::warning(path + ": user " + std::to_string(::getuid()) +
                     " may not read it: a reload will fail");
    }
}

}  // namespace

/// The order matters: everything that needs a privilege, then the change of the user, then
/// everything that talks to others. A socket keeps the uid of its creation, and the capture tells
/// our queries from captured ones by it.
ExitCode serve(const Invocation& invocation) {
    std::signal(SIGPIPE, SIG_IGN);
    asio::io_context context{1};
    asio::signal_set signals{context, SIGTERM, SIGINT, SIGHUP};
    const std::size_t files = raise_file_limit();

    conf::Loaded loaded = conf::kuma::load_with_resources(invocation.config);
    const auto identity = choose_identity(loaded.config, ::geteuid());
    std::vector<std::string> warnings;
    const auto kept = take_state(loaded.config.vip.state, identity, warnings);
    prepare_query_log(loaded.config.dns.query_log, identity, warnings);
    Configuration configuration = make_configuration(std::move(loaded), kept);
    give_memory_back();  // before the workers' buffers are cut from it: they are mostly never
                         // touched
    auto bound = bind_all(listen_addresses(configuration.config.dns.listen));
    AdminSockets admin = open_admin(configuration.config.dns, identity);
    daemon::Notifier notifier = daemon::Notifier::from_environment();

    become(identity);

    warn_if_unreadable(invocation.config);
    keep_state(configuration);
    warnings.insert(warnings.end(), configuration.warnings.begin(), configuration.warnings.end());
    log::warnings(warnings);
    dns::server::WorkerLimits limits;
    const std::string few_files = share_files(files, bound.workers.size(), limits);
    if (!few_files.empty()) log::warning(few_files);
    limits.cache_bytes = configuration.config.dns.cache_bytes / bound.workers.size();
    limits.forward.mix_case = true;
    WorkerGroup workers{std::move(bound.workers), limits};
    HostResolver resolver{context};
    const auto resolve = [&resolver](const std::string& host, const std::string& resolv_conf,
                                     HostResolver::Found found) {
        resolver.resolve(host, resolv_conf, std::move(found));
    };
    Service::Parts parts{invocation.config, std::move(bound.addresses)};
    Service service{context, signals, std::move(parts), std::move(configuration),
                    resolve, workers, notifier};
    const daemon::AdminServer endpoint{context, std::move(admin.listening),
                               [&service](const daemon::http::Request& request,
                                          const daemon::http::Reply& reply) {
                                   respond(request, service, reply);
                               }};
    return service.run();
}

}  // namespace meshgate::dnsd
