#include "src/meshgate-redirect/guard/metrics.h"

#include "src/common/json_string.h"
#include "src/daemon/exposition.h"

namespace meshgate::redirect {
namespace {

using daemon::Exposition;
using daemon::label;

void add_gauge(Exposition& out, std::string_view name, std::string_view help, bool value) {
    out.family(name, "gauge", help);
    out.sample("", value ? 1 : 0);
}

void add_total(Exposition& out, std::string_view name, std::string_view help,
               std::uint64_t value) {
    out.family(name, "counter", help);
    out.sample("", value);
}

void add_repairs(Exposition& out, const GuardStats& stats) {
    out.family("meshgate_guard_repairs_total", "counter",
               "Repairs of the rules, by the program that had damaged them.");
    for (const auto& [program, count] : stats.repairs_by) {
        out.sample(label("program", program), count);
    }
    add_total(out, "meshgate_guard_routing_repairs_total",
              "Repairs of the addresses and routes beside the rules.", stats.repairs_beside);
    out.family("meshgate_guard_last_repair_seconds", "gauge",
               "What the last repair took, from the news of the damage on.");
    out.sample("", static_cast<double>(stats.last_repair.count()) / 1e6);
}

void add_counters(Exposition& out, const netfilter::Counters& counters) {
    out.family("meshgate_redirect_packets_total", "counter",
               "What the rules decided, by cause; of chains of nat: connections and flows.");
    for (const auto& one : counters) out.sample(label("cause", one.name), one.packets);
    out.family("meshgate_redirect_bytes_total", "counter", "The bytes of those packets.");
    for (const auto& one : counters) out.sample(label("cause", one.name), one.bytes);
}

void add_endpoints(Exposition& out, const GuardNumbers& numbers) {
    out.family("meshgate_guard_endpoint_up", "gauge",
               "Connections to the service go to this endpoint.");
    for (const auto& one : numbers.endpoints) {
        out.sample(daemon::labels({{"service", one.service}, {"endpoint", one.endpoint.to_string()}}),
                   one.is_used ? 1 : 0);
    }
    out.family("meshgate_guard_endpoints_left_out", "gauge",
               "Endpoints beyond the first 1000, which are not told one by one.");
    out.sample("", numbers.more_endpoints);
    add_total(out, "meshgate_guard_endpoint_changes_total",
              "Transactions that changed where connections to services go.",
              numbers.endpoint_changes);
}

/// Gauges: what is open ends, and its bytes with it.
void add_services(Exposition& out, const GuardNumbers& numbers) {
    out.family("meshgate_guard_service_connections", "gauge",
               "Open connections, and flows of UDP, that the kernel takes to endpoints of the service.");
    for (const auto& one : numbers.services) {
        out.sample(label("service", one.service), one.connections);
    }
    out.family("meshgate_guard_service_bytes", "gauge",
               "Their bytes so far, where the kernel counts them (nf_conntrack_acct).");
    for (const auto& one : numbers.services) {
        if (one.bytes) out.sample(label("service", one.service), *one.bytes);
    }
    out.family("meshgate_guard_services_left_out", "gauge",
               "Services beyond the first 1000, which are not told one by one.");
    out.sample("", numbers.more_services);
}

const char* word(bool value) {
    return value ? "true" : "false";
}

}  // namespace

std::string endpoints_json(const std::vector<EndpointState>& endpoints, std::size_t more) {
    std::string text = R"({"schema":"meshgate-guard.endpoints/1","left_out":)" +
                       std::to_string(more) + R"(,"endpoints":[)";
    for (const auto& one : endpoints) {
        if (text.back() != '[') text += ',';
        text += R"({"service":)" + json_string(one.service) + R"(,"endpoint":)" +
                json_string(one.endpoint.to_string()) + R"(,"checked":)" + word(one.is_checked) +
                R"(,"alive":)" + word(one.is_alive) + R"(,"used":)" + word(one.is_used) +
                R"(,"reason":)" + json_string(one.reason) + "}";
    }
    return text + "]}\n";
}

std::string guard_metrics(const GuardNumbers& numbers) {
    Exposition out;
    out.family("meshgate_build_info", "gauge", "The program and its version.");
    out.sample(daemon::labels({{"program", "meshgate-redirect"}, {"version", MESHGATE_VERSION}}),
               1);
    add_gauge(out, "meshgate_guard_ready", "The capture is as it is meant to be.",
              numbers.is_ready);
    add_gauge(out, "meshgate_guard_holds_rules", "Nobody else can change the rules.",
              numbers.holds);
    add_gauge(out, "meshgate_guard_backing_off", "Somebody damages the rules again and again.",
              numbers.is_fight);
    add_gauge(out, "meshgate_guard_dns_open", "DNS goes direct, as nobody answers it here.",
              numbers.is_dns_open);
    add_repairs(out, numbers.stats);
    const auto& stats = numbers.stats;
    add_total(out, "meshgate_guard_failures_total", "Changes and repairs that did not go.",
              stats.failures);
    add_total(out, "meshgate_guard_element_updates_total",
              "Changes of the machine that were followed by elements of sets.",
              stats.element_updates);
    add_total(out, "meshgate_guard_replacements_total",
              "Changes of the machine that were followed by a replacement of the rules.",
              stats.replacements);
    add_total(out, "meshgate_guard_dns_switches_total", "DNS capture switched off or on.",
              stats.dns_switches);
    add_endpoints(out, numbers);
    add_services(out, numbers);
    add_counters(out, numbers.counters);
    return out.take();
}

}  // namespace meshgate::redirect
