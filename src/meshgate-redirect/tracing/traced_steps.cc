#include "src/meshgate-redirect/tracing/traced_steps.h"

#include "netfilter/ruleset/words.h"
#include "src/common/json_string.h"
#include "src/meshgate-redirect/printable.h"

#include <string_view>

namespace meshgate::redirect {
namespace {

using Kind = netfilter::TraceEvent::Kind;

std::string traced_end(const conf::IpAddress& address, conf::Port port) {
    return conf::SocketAddress{address, port, ""}.to_string();
}

std::string packet_words(const netfilter::TracedPacket& packet) {
    return std::string{netfilter::word(packet.protocol)} + " from " +
           traced_end(packet.source, packet.sport) + " to " +
           traced_end(packet.destination, packet.dport);
}

std::string place_words(const TracedStep& step) {
    std::string text;
    if (!step.in.empty()) text += ", arriving at " + step.in;
    if (!step.out.empty()) text += ", leaving by " + step.out;
    return text;
}

std::string sentence(const TracedStep& step) {
    const auto& event = step.event;
    auto text = "  " + event.family + " " + event.table + " " + event.chain + ": ";
    switch (event.kind) {
    case Kind::policy:
        return text + "its end, policy " + event.verdict;
    case Kind::chain_end:
        return text + "its end, back to where it was called";
    case Kind::rule:
        break;
    }
    text += "rule " + std::to_string(event.rule);
    if (!step.text.empty()) text += " (" + step.text + ")";
    return text + ": " + event.verdict;
}

std::string_view kind_word(Kind kind) {
    switch (kind) {
    case Kind::rule:
        return "rule";
    case Kind::chain_end:
        return "return";
    case Kind::policy:
        return "policy";
    }
    return "rule";
}

std::string traced_packet_json(const netfilter::TracedPacket& packet) {
    return "{\"protocol\":" + json_string(netfilter::word(packet.protocol)) +
           ",\"source\":" + json_string(traced_end(packet.source, packet.sport)) +
           ",\"destination\":" + json_string(traced_end(packet.destination, packet.dport)) + "}";
}

std::string step_json(const TracedStep& step) {
    const auto& event = step.event;
    return "{\"family\":" + json_string(event.family) + ",\"table\":" + json_string(event.table) +
           ",\"chain\":" + json_string(event.chain) +
           ",\"kind\":" + json_string(kind_word(event.kind)) +
           ",\"rule\":" + (event.kind == Kind::rule ? std::to_string(event.rule) : "null") +
           ",\"text\":" + json_string(step.text) + ",\"comment\":" + json_string(step.comment) +
           ",\"verdict\":" + json_string(event.verdict) + ",\"in\":" + json_string(step.in) +
           ",\"out\":" + json_string(step.out) +
           ",\"packet\":" + (event.packet ? traced_packet_json(*event.packet) : "null") + "}";
}

}  // namespace

std::string to_text(const TracedWay& way) {
    std::string text, before;
    for (const auto& step : way.steps) {
        // Told anew at each hook: only what has changed is worth a line.
        const auto now = step.event.packet
                             ? packet_words(*step.event.packet) + printable(place_words(step))
                             : before;
        if (now != before) text += now + "\n";
        before = now;
        text += printable(sentence(step)) + "\n";
        if (!step.comment.empty()) text += "      " + printable(step.comment) + "\n";
    }
    if (way.steps.empty()) text += packet_words(way.sent) + "\n  no rule and no chain has seen it\n";
    return text + "then: " + way.end + "\n";
}

std::string to_json(const TracedWay& way) {
    std::string out = "{\"schema\":\"meshgate-redirect.trace/1\",\"packet\":" +
                      traced_packet_json(way.sent) + ",\"steps\":[";
    std::string separator;
    for (const auto& step : way.steps) {
        out += separator + step_json(step);
        separator = ",";
    }
    return out + "],\"end\":" + json_string(way.end) + "}";
}

}  // namespace meshgate::redirect
