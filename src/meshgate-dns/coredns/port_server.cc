#include "src/meshgate-dns/coredns/port_server.h"

#include "src/common/asio.h"
#include "src/common/log.h"
#include "src/meshgate-dns/bind_all.h"
#include "src/meshgate-dns/coredns/hosts.h"
#include "src/meshgate-dns/coredns/log_lines.h"
#include "src/meshgate-dns/file_limit.h"
#include "src/meshgate-dns/listen_addresses.h"

#include <stop_token>
#include <utility>

namespace meshgate::coredns {
namespace {

constexpr std::size_t cache_bytes = std::size_t{64} << 20;  // of a port; touched when it is used

/// Who may ask a server that listens everywhere, besides this machine: neighbours, not the world
/// (RFC 1918, RFC 6598, RFC 3927, RFC 4193, RFC 4291). coredns would answer anybody, and take part
/// in any attack by reflection.
constexpr const char* neighbours[] = {"10.0.0.0/8",    "172.16.0.0/12",  "192.168.0.0/16",
                                      "100.64.0.0/10", "169.254.0.0/16", "fc00::/7",
                                      "fe80::/10"};
constexpr const char* everybody[] = {"0.0.0.0/0", "::/0"};

std::unique_ptr<dnsd::WorkerGroup> make_workers(dns::server::BoundSockets& bound,
                                                std::size_t files) {
    dns::server::WorkerLimits limits;
    const std::string few_files = dnsd::share_files(files, bound.workers.size(), limits);
    if (!few_files.empty()) log::warning(few_files);
    limits.cache_bytes = cache_bytes / bound.workers.size();
    limits.forward.lower_case = true;  // Envoy's DNS filter does not know a name by other letters
    return std::make_unique<dnsd::WorkerGroup>(std::move(bound.workers), limits);
}

std::unique_ptr<dnsd::WorkerGroup> bind_workers(const std::vector<conf::Listen>& listen,
                                                std::size_t files,
                                                std::vector<conf::SocketAddress>& addresses) {
    auto bound = dnsd::bind_all(dnsd::listen_addresses(listen));
    addresses = std::move(bound.addresses);
    return make_workers(bound, files);
}

}  // namespace

PortServer::PortServer(const Shared& shared, const std::vector<conf::Listen>& listen)
    : context_(shared.context), listen_(listen),
      workers_(bind_workers(listen_, shared.files, addresses_)),
      access_(context_, addresses_,
              [this](const dnsd::Access::List& list) { workers_->set_access(list); }),
      upstreams_(
          context_, addresses_, shared.resolve,
          [this](const std::vector<dns::forward::Route>& routes) { workers_->set_routes(routes); }),
      logging_(workers_->size(),
               [this](const dnsd::QueryLogging::Logs& logs) { workers_->set_query_logs(logs); }) {}

void PortServer::start(std::function<void(bool failed)> on_end) {
    on_end_ = std::move(on_end);
    workers_->start([this](const std::exception_ptr& error) {
        asio::post(context_, [this, failed = error != nullptr] { on_end_(failed); });
    });
}

std::vector<std::string> PortServer::take(PortPlan plan, const std::string& resolv_conf) {
    const bool same_cache = plan.ttl_max.positive == plan_.ttl_max.positive &&
                            plan.ttl_max.negative == plan_.ttl_max.negative;
    const bool same_log = plan.log == plan_.log;
    const bool first = plan_.server.empty();
    plan_ = std::move(plan);
    if (first || !same_cache) workers_->set_ttl_max(plan_.ttl_max);
    configure_access();
    workers_->set_fixed_answers(plan_.fixed);
    auto lines = upstreams_.configure(plan_.groups, resolv_conf);
    if (first || !same_log) configure_log();
    // Last, as the workers begin to listen with it.
    const auto of_hosts = hosts_changed();
    lines.insert(lines.end(), of_hosts.begin(), of_hosts.end());
    return lines;
}

void PortServer::configure_access() {
    conf::Config config;
    const auto allow = [&config](std::span<const char* const> networks) {
        for (const char* network : networks) {
            config.dns.allow.emplace_back(conf::Cidr::parse(network).value());
        }
    };
    if (plan_.bound) {
        allow(everybody);
    } else {
        allow(neighbours);
    }
    log::warnings(access_.configure(config));
}

void PortServer::configure_log() {
    const auto classes = classes_for(plan_.log);
    logging_.begin(classes == 0 ? nullptr : dnsd::open_stdout_sink(make_log_lines(plan_.log)), 1,
                   classes);
}

std::vector<std::string> PortServer::hosts_changed() {
    HostNames names = read_host_names(plan_.hosts);
    host_names_ = names.table->names();
    workers_->set_tables(names.table, nullptr, std::stop_token{});
    return std::move(names.warnings);
}

void PortServer::drain(std::chrono::milliseconds patience) {
    upstreams_.stop();
    workers_->drain(patience);
}

PortMetrics PortServer::metrics() {
    return {&plan_, workers_->stats(), workers_->upstreams(), host_names_};
}

}  // namespace meshgate::coredns
