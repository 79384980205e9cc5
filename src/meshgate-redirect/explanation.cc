#include "src/meshgate-redirect/explanation.h"

#include "netfilter/ruleset/print.h"
#include "netfilter/ruleset/words.h"
#include "src/common/json_string.h"
#include "src/meshgate-redirect/capture.h"
#include "src/meshgate-redirect/printable.h"

#include <algorithm>
#include <iterator>
#include <span>

namespace meshgate::redirect {
namespace {

using netfilter::Packet;
using netfilter::SeenChain;

bool is_ours(const SeenChain& chain) {
    return chain.family == "inet" && chain.table == table_name;
}

std::string endpoint(const conf::IpAddress& address, conf::Port port) {
    return conf::SocketAddress{address, port, ""}.to_string();
}

std::string question(const Routed& routed) {
    const Packet& packet = routed.packet;
    std::string text{netfilter::word(packet.protocol)};
    text += " to " + endpoint(packet.destination, packet.dport);
    if (packet.to_this_host) text += ", an address of this machine";
    if (packet.uid) {
        text += ", of user " + std::to_string(*packet.uid);
        if (routed.names_group && packet.gid) {
            text += " in group " + std::to_string(*packet.gid);
        }
        if (packet.mark != 0) text += " with mark " + netfilter::mark_words(packet.mark);
        if (!packet.interface.empty()) text += ", leaving by " + packet.interface;
    } else {
        text += ", arriving";
        if (!packet.source.is_unspecified()) text += " from " + packet.source.to_string();
        if (!packet.interface.empty()) text += " at " + packet.interface;
    }
    return text;
}

std::string_view words_of(netfilter::SlotChoice choice) {
    switch (choice) {
    case netfilter::SlotChoice::random:
        return "at random";
    case netfilter::SlotChoice::in_turn:
        return "in turn";
    case netfilter::SlotChoice::by_client:
        break;
    }
    return "by the client's address";
}

/// "192.0.2.10:8080 (3 of 4)", each; the first eight.
std::string shares(const netfilter::Outcome& outcome) {
    constexpr std::size_t shown = 8;
    std::size_t total = 0;
    for (const auto& one : outcome.endpoints) total += one.slots;
    std::string text;
    for (std::size_t i = 0; i < std::min(shown, outcome.endpoints.size()); ++i) {
        const auto& one = outcome.endpoints[i];
        text += (i == 0 ? "" : ", ") + endpoint(one.address, one.port) + " (" +
                std::to_string(one.slots) + " of " + std::to_string(total) + ")";
    }
    const auto more = outcome.endpoints.size() - std::min(shown, outcome.endpoints.size());
    return more == 0 ? text : text + " and " + std::to_string(more) + " more";
}

/// " (service 'shop')"
std::string service_words(const Explanation& explanation) {
    return explanation.service.empty() ? "" : " (service '" + printable(explanation.service) + "')";
}

std::string balanced(const netfilter::Outcome& outcome) {
    if (outcome.endpoints.size() == 1) {
        return "is translated to " + endpoint(outcome.endpoints[0].address, outcome.endpoints[0].port);
    }
    return "is translated, " + std::string{words_of(*outcome.balanced)} + ", to one of " +
           shares(outcome);
}

std::string answer(const Explanation& explanation) {
    const auto& outcome = explanation.outcome;
    if (!explanation.routed.has_route && explanation.routed.packet.uid) {
        return "fails: there is no route, connect() ends before any rule";
    }
    if (outcome.dropped) return "is dropped";
    if (outcome.rejected) return "is refused";
    if (outcome.balanced) return balanced(outcome);
    if (!outcome.redirected_to) return "goes straight";
    return "is redirected to port " + std::to_string(*outcome.redirected_to) + " of this machine";
}

/// Where it stands among ours of the same hook.
std::string place(const SeenChain& chain, std::span<const SeenChain> ours) {
    const auto earlier = [&](const SeenChain& our) { return our.priority < chain.priority; };
    const auto later = [&](const SeenChain& our) { return our.priority > chain.priority; };
    if (std::ranges::all_of(ours, later)) return "before";
    if (std::ranges::all_of(ours, earlier)) return "after";
    return "among";
}

std::string effect(const SeenChain& chain) {
    if (chain.translates && chain.drops)
        return "; its table has rules that translate and that drop";
    if (chain.translates) return "; its table has rules that translate";
    if (chain.drops) return "; its table has rules that drop";
    return "";
}

std::vector<SeenChain> of_hook(const Explanation& explanation, bool ours) {
    std::vector<SeenChain> list;
    const auto& packet = explanation.routed.packet;
    std::ranges::copy_if(explanation.chains, std::back_inserter(list), [&](const SeenChain& chain) {
        return is_ours(chain) == ours && chain.hook == packet.hook &&
               chain.sees(packet.destination.family());
    });
    return list;
}

std::string boolean(bool value) {
    return value ? "true" : "false";
}

template <class Number>
std::string number_or_null(const std::optional<Number>& number) {
    return number ? std::to_string(*number) : "null";
}

std::string verdict_word(const Explanation& explanation) {
    if (!explanation.routed.has_route && explanation.routed.packet.uid) return "no-route";
    if (explanation.outcome.dropped) return "dropped";
    if (explanation.outcome.rejected) return "refused";
    if (explanation.outcome.balanced) return "translated";
    return explanation.outcome.redirected_to ? "redirected" : "straight";
}

std::string endpoints_json(const netfilter::Outcome& outcome) {
    std::string list;
    for (const auto& one : outcome.endpoints) {
        list += (list.empty() ? "" : ",") + std::string{"{\"address\":"} +
                json_string(endpoint(one.address, one.port)) +
                ",\"slots\":" + std::to_string(one.slots) + "}";
    }
    return "[" + list + "]";
}

std::string packet_json(const Packet& packet) {
    return "{\"hook\":" + json_string(netfilter::word(packet.hook)) +
           ",\"protocol\":" + json_string(netfilter::word(packet.protocol)) +
           ",\"source\":" + json_string(packet.source.to_string()) +
           ",\"destination\":" + json_string(packet.destination.to_string()) +
           ",\"port\":" + std::to_string(packet.dport) + ",\"user\":" + number_or_null(packet.uid) +
           ",\"group\":" + number_or_null(packet.gid) +
           ",\"mark\":" + std::to_string(packet.mark) +
           ",\"interface\":" + json_string(packet.interface) +
           ",\"local\":" + boolean(packet.to_this_host) + "}";
}

}  // namespace

std::string to_text(const Explanation& explanation) {
    std::string text = question(explanation.routed) + service_words(explanation) + "\n  " + answer(explanation) + "\n";
    text += explanation.from_installed ? "by the installed rules:\n"
                                       : "by the rules of the configuration, not installed yet:\n";
    for (const auto& [chain, rule] : explanation.outcome.steps) {
        text += "  " + printable(chain->name + ": " + to_nft(*rule)) + "\n";
        if (!rule->comment.empty()) text += "      " + printable(rule->comment) + "\n";
    }
    if (explanation.outcome.steps.empty()) text += "  none of them is about it\n";
    if (explanation.outcome.zone) {
        text += "  its connection is tracked in zone " + std::to_string(*explanation.outcome.zone) +
                "\n";
    }
    const auto ours = of_hook(explanation, true);
    for (const SeenChain& chain : of_hook(explanation, false)) {
        text += "not ours, not looked into: " +
                printable(chain.family + " " + chain.table + " " + chain.name) + " (" + chain.type +
                ", priority " + std::to_string(chain.priority) + "), " + place(chain, ours) +
                " ours" + effect(chain) + "\n";
    }
    if (explanation.has_legacy_iptables) {
        text += "not ours, not looked into: iptables-legacy has tables here\n";
    }
    return text;
}

std::string to_json(const Explanation& explanation) {
    std::string out = "{\"schema\":\"meshgate-redirect.explain/1\",\"rules\":";
    out += explanation.from_installed ? "\"installed\"" : "\"planned\"";
    out += ",\"packet\":" + packet_json(explanation.routed.packet);
    out += ",\"verdict\":" + json_string(verdict_word(explanation));
    if (!explanation.service.empty()) out += ",\"service\":" + json_string(explanation.service);
    out += ",\"to_port\":" + number_or_null(explanation.outcome.redirected_to);
    if (explanation.outcome.balanced) out += ",\"endpoints\":" + endpoints_json(explanation.outcome);
    out += ",\"zone\":" + number_or_null(explanation.outcome.zone) + ",\"steps\":[";
    std::string separator;
    for (const auto& [chain, rule] : explanation.outcome.steps) {
        out += separator + "{\"chain\":" + json_string(chain->name) +
               ",\"rule\":" + json_string(to_nft(*rule)) +
               ",\"comment\":" + json_string(rule->comment) + "}";
        separator = ",";
    }
    out += "],\"foreign\":[";
    separator.clear();
    const auto ours = of_hook(explanation, true);
    for (const SeenChain& chain : of_hook(explanation, false)) {
        out += separator + "{\"family\":" + json_string(chain.family) +
               ",\"table\":" + json_string(chain.table) + ",\"chain\":" + json_string(chain.name) +
               ",\"type\":" + json_string(chain.type) +
               ",\"priority\":" + std::to_string(chain.priority) +
               ",\"place\":" + json_string(place(chain, ours)) +
               ",\"nat\":" + boolean(chain.translates) + ",\"drop\":" + boolean(chain.drops) + "}";
        separator = ",";
    }
    return out + "],\"legacy_iptables\":" + boolean(explanation.has_legacy_iptables) + "}";
}

}  // namespace meshgate::redirect
