#include "conf/load.h"
#include "netfilter/iptables/text.h"
#include "src/common/command_line.h"
#include "src/common/log.h"
#include "src/meshgate-redirect/capture.h"
#include "src/meshgate-redirect/explanation.h"
#include "src/meshgate-redirect/fit.h"
#include "src/meshgate-redirect/setup.h"
#include "src/meshgate-redirect/tracing/traced_steps.h"
#include "src/meshgate-redirect/verbs.h"
#include "src/meshgate-redirect/wishes.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string_view>
#include <system_error>

namespace meshgate::redirect {
namespace {

/// Which rules a question is about, and what stands beside them.
struct Rules {
    bool from_installed = true;
    netfilter::Ruleset ruleset;
    std::vector<netfilter::SeenChain> chains;
    std::vector<netfilter::VipService> services;  ///< that have virtual addresses, where known
};

bool has_legacy_iptables() {
    for (const char* const file : {"/proc/net/ip_tables_names", "/proc/net/ip6_tables_names"}) {
        std::ifstream in{file};
        std::string table;
        if (in >> table) return true;
    }
    return false;
}

/// Ours among those of others, where the kernel does not list them: they are not there yet, or
/// within the tables of iptables.
void add_own_chains(const netfilter::Ruleset& ruleset, std::vector<netfilter::SeenChain>& chains) {
    std::erase_if(chains, [](const auto& chain) { return chain.table == table_name; });
    for (const auto& chain : ruleset.chains) {
        if (!chain.base) continue;
        chains.push_back({"inet", table_name, chain.name,
                          chain.base->type == netfilter::ChainType::nat ? "nat" : "filter",
                          chain.base->hook, chain.base->priority});
    }
}

bool is_permission(int error) {
    return error == EPERM || error == EACCES;
}

/// What stands in the kernel beside a plan; nothing that only the privileged may see.
void look_beside(Setup& setup, Rules& rules) {
    try {
        Capture capture{setup.config.redirect};
        fit_to_installed(setup, capture);
        setup.plan.ruleset = capture.engine().form_of(setup.plan.ruleset);
        rules.chains = netfilter::base_chains(netfilter::is_our_chain);
        return;
    } catch (const netfilter::KernelError& error) {
        if (!is_permission(error.error())) throw;
    } catch (const std::system_error& error) {
        if (!is_permission(error.code().value())) throw;
    }
    log::notice("the rules of others are not shown: that takes root (CAP_NET_ADMIN)");
}

Rules planned(const Invocation& invocation) {
    Setup setup = make_setup(invocation);
    Rules rules;
    rules.from_installed = false;
    look_beside(setup, rules);
    rules.ruleset = std::move(setup.plan.ruleset);
    rules.services = std::move(setup.host.vips);
    add_own_chains(rules.ruleset, rules.chains);
    return rules;
}

bool is_on(const Invocation& invocation, std::string_view toggle) {
    return std::ranges::any_of(invocation.probe, [toggle](const auto& option) {
        return option.first == toggle && option.second == "true";
    });
}

/// The names of the installed addresses, if the configuration that is there says them.
std::vector<netfilter::VipService> services_of(const Invocation& invocation,
                                               const netfilter::Ruleset& installed) {
    std::error_code error;
    if (installed.class_maps.empty() || !std::filesystem::exists(conf::default_path, error)) {
        return {};
    }
    try {
        return make_setup(invocation).host.vips;
    } catch (const std::exception&) {
        return {};  // for check to tell
    }
}

std::string service_at(const std::vector<netfilter::VipService>& services,
                       const netfilter::Packet& packet) {
    const auto has = [&packet](const netfilter::VipService& service) {
        return service.address4 == packet.destination || service.address6 == packet.destination;
    };
    const auto found = std::ranges::find_if(services, has);
    return found == services.end() ? "" : found->name;
}

Rules rules_of(const Invocation& invocation) {
    if (is_told(invocation) || is_on(invocation, "planned")) {
        return planned(invocation);
    }
    Capture capture;
    const auto& installed = capture.installed();
    if (!installed) return planned(invocation);
    for (const auto& object : installed->unknown) {
        log::warning("in our table, not looked into: " + object);
    }
    Rules rules;
    rules.ruleset = installed->ruleset;
    rules.services = services_of(invocation, rules.ruleset);
    rules.chains = netfilter::base_chains(netfilter::is_our_chain);
    if (capture.engine().name() == "iptables") add_own_chains(rules.ruleset, rules.chains);
    return rules;
}

Explanation explain_one(const Rules& rules, const Probe& probe) {
    Explanation explanation;
    explanation.from_installed = rules.from_installed;
    explanation.routed = route(probe);
    explanation.service = service_at(rules.services, explanation.routed.packet);
    // Without a route connect() and sendto() fail before any rule.
    if (explanation.routed.has_route || probe.inbound) {
        explanation.outcome = evaluate(rules.ruleset, explanation.routed.packet);
    }
    explanation.chains = rules.chains;
    explanation.has_legacy_iptables = has_legacy_iptables();
    return explanation;
}

/// A line of standard input: words as on the command line.
Probe parse_line(const std::string& line) {
    static constexpr std::array<Option, 6> options{{{"user", Option::Kind::value},
                                                    {"group", Option::Kind::value},
                                                    {"mark", Option::Kind::value},
                                                    {"inbound", Option::Kind::toggle},
                                                    {"from", Option::Kind::value},
                                                    {"interface", Option::Kind::value}}};
    std::istringstream in{line};
    std::vector<std::string> words;
    for (std::string word; in >> word;) words.push_back(word);
    std::vector<const char*> arguments;
    for (const auto& word : words) arguments.push_back(word.c_str());
    const CommandLine parsed = parse_command_line(arguments, options);
    return parse_probe(parsed.words, parsed.options);
}

/// What really happens, instead of what should.
ExitCode trace(const Invocation& invocation) {
    if (is_on(invocation, "batch") || is_on(invocation, "planned")) {
        throw UsageError("--trace follows one packet, through the rules in force");
    }
    const auto way = follow(parse_probe(invocation.arguments, invocation.probe));
    std::cout << (invocation.json ? to_json(way) + "\n" : to_text(way));
    return ExitCode::done;
}

void print(const Explanation& explanation, bool json) {
    std::cout << (json ? to_json(explanation) + "\n" : to_text(explanation));
}

}  // namespace

ExitCode explain(const Invocation& invocation) {
    if (is_on(invocation, "trace")) return trace(invocation);
    if (!is_on(invocation, "batch")) {
        const Probe probe = parse_probe(invocation.arguments, invocation.probe);
        print(explain_one(rules_of(invocation), probe), invocation.json);
        return ExitCode::done;
    }
    if (!invocation.arguments.empty()) {
        throw UsageError("--batch reads what to explain from standard input, a line each");
    }
    const Rules rules = rules_of(invocation);
    for (std::string line; std::getline(std::cin, line);) {
        print(explain_one(rules, parse_line(line)), invocation.json);
        std::cout.flush();
    }
    return ExitCode::done;
}

}  // namespace meshgate::redirect
