#include "src/meshgate-redirect/status_report.h"

#include "netfilter/ruleset/words.h"
#include "src/common/json_string.h"
#include "src/meshgate-redirect/printable.h"

#include <algorithm>
#include <string_view>

namespace meshgate::redirect {
namespace {

using netfilter::Summary;

std::string_view word(State state) {
    switch (state) {
    case State::installed:
        return "installed";
    case State::differs:
        return "differs";
    case State::absent:
        return "absent";
    }
    return "absent";
}

std::string_view word(conf::DnsCaptureMode capture) {
    return capture == conf::DnsCaptureMode::all ? "all" : "resolv-conf";
}

template <class Values, class ToText>
std::string joined(const Values& values, std::string_view separator, ToText to_text) {
    std::string text;
    for (const auto& each : values) {
        if (!text.empty()) text += separator;
        text += to_text(each);
    }
    return text;
}

template <class Values>
std::string json_words(const Values& values) {
    return "[" + joined(values, ",", [](auto each) { return json_string(netfilter::word(each)); }) +
           "]";
}

std::string json_port(const std::optional<conf::Port>& port) {
    return port ? std::to_string(*port) : "null";
}

std::string json_dns(const std::optional<Summary::Dns>& dns) {
    if (!dns) return "null";
    return "{\"port\":" + std::to_string(dns->port) +
           ",\"capture\":" + json_string(word(dns->capture)) +
           ",\"protocols\":" + json_words(dns->protocols) + "}";
}

std::string json_pending(const std::optional<Pending>& pending) {
    if (!pending) return "null";
    return "{\"seconds_left\":" + std::to_string(pending->left().count()) +
           ",\"port\":" + json_port(pending->spared) + "}";
}

std::string json_holder(const std::optional<Holder>& holder) {
    if (!holder) return "null";
    return "{\"process\":" + (holder->process == 0 ? "null" : std::to_string(holder->process)) + "}";
}

std::string text_pending(const Pending& pending) {
    auto text = "within " + std::to_string(pending.left().count()) +
                " s (meshgate-redirect confirm), or the previous state comes back";
    if (pending.spared) text += "; port " + std::to_string(*pending.spared) + " is spared till then";
    return text;
}

std::string json_counter(const netfilter::CounterValue& counter) {
    return json_string(counter.name) + ":{\"packets\":" + std::to_string(counter.packets) +
           ",\"bytes\":" + std::to_string(counter.bytes) + "}";
}

std::string text_counter(const netfilter::CounterValue& counter) {
    return "counted:  " + counter.name + " " + std::to_string(counter.packets) + " (" +
           std::to_string(counter.bytes) + " bytes)\n";
}

std::string text_words(const auto& values) {
    return joined(values, ", ", [](auto each) { return netfilter::word(each); });
}

std::string text_port(const std::optional<conf::Port>& port) {
    return port ? "to port " + std::to_string(*port) : "not captured";
}

std::string text_dns(const std::optional<Summary::Dns>& dns) {
    if (!dns) return "not captured";
    return "to port " + std::to_string(dns->port) + " (" + text_words(dns->protocols) + "; " +
           (dns->capture == conf::DnsCaptureMode::all ? "any server"
                                                      : "the servers in resolv.conf") +
           ")";
}

}  // namespace

std::string to_json(const StatusReport& report) {
    return "{\"schema\":\"meshgate-redirect.status/1\",\"state\":" +
           json_string(word(report.state)) + ",\"version\":" + json_string(report.version) +
           ",\"engine\":" + json_string(report.engine) +
           ",\"digest\":" + json_string(report.digest) +
           ",\"families\":" + json_words(report.summary.families) +
           ",\"inbound\":" + json_port(report.summary.inbound) +
           ",\"outbound\":" + json_port(report.summary.outbound) +
           ",\"dns\":" + json_dns(report.summary.dns) +
           ",\"confirm\":" + json_pending(report.pending) +
           ",\"held_by\":" + json_holder(report.holder) + ",\"problems\":[" +
           joined(report.problems, ",", [](const auto& line) { return json_string(line); }) +
           "],\"counters\":{" + joined(report.counters, ",", json_counter) +
           "},\"vips\":" + vips_json(report.vips) + ",\"vips_left_out\":" +
           std::to_string(report.vips.size() - std::min(report.vips.size(), vips_in_json)) + "}\n";
}

std::string to_text(const StatusReport& report) {
    std::string text = "state:    " + std::string{word(report.state)} + "\n";
    if (report.state != State::absent) {
        if (!report.version.empty())
            text += "by:       meshgate-redirect " + printable(report.version) + "\n";
        if (!report.digest.empty()) text += "digest:   " + printable(report.digest) + "\n";
        text += "families: " + text_words(report.summary.families) + "\n";
        text += "inbound:  " + text_port(report.summary.inbound) + "\n";
        text += "outbound: " + text_port(report.summary.outbound) + "\n";
        text += "dns:      " + text_dns(report.summary.dns) + "\n";
        for (const auto& counter : report.counters) text += text_counter(counter);
    }
    if (report.holder) {
        text += "held:     by " + name_of(*report.holder) + ": nobody else can change the rules\n";
    }
    if (report.pending) text += "confirm:  " + text_pending(*report.pending) + "\n";
    std::string lines;
    for (const auto& problem : report.problems) lines += "problem:  " + printable(problem) + "\n";
    return text + lines + (report.vips.empty() ? "" : "\n" + vips_table(report.vips));
}

}  // namespace meshgate::redirect
