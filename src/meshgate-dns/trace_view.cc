#include "src/meshgate-dns/trace_view.h"

#include "src/meshgate-dns/hex.h"
#include "src/meshgate-dns/json.h"
#include "src/meshgate-dns/words.h"

#include <boost/property_tree/json_parser.hpp>
#include <boost/property_tree/ptree.hpp>

#include <array>
#include <chrono>
#include <cstdio>
#include <sstream>
#include <stdexcept>

namespace meshgate::dnsd {
namespace {

using dns::forward::Trace;
using dns::forward::Transport;

constexpr std::string_view schema = "meshgate-dns.trace/1";

/// In the order of Trace::What.
constexpr std::array<std::string_view, 11> step_words{
    "joined",    "asked",      "asked-plain", "silent", "unreachable", "replied",
    "truncated", "other-case", "fell-over",   "nobody", "expired"};

std::int64_t microseconds(dns::forward::Clock::duration time) {
    return std::chrono::duration_cast<std::chrono::microseconds>(time).count();
}

bool names_a_server(Trace::What what) {
    return what != Trace::What::joined && what != Trace::What::fell_over &&
           what != Trace::What::nobody && what != Trace::What::expired;
}

TraceView::Step make_step(const Trace::Step& step, dns::forward::Clock::time_point began) {
    TraceView::Step out;
    out.microseconds = microseconds(step.at - began);
    out.what = step_words.at(static_cast<std::size_t>(step.what));
    if (!names_a_server(step.what)) return out;
    out.server = step.server.to_string();
    out.transport = step.transport == Transport::tcp ? "tcp" : "udp";
    if (step.what == Trace::What::replied) out.rcode = rcode_word(step.rcode);
    return out;
}

std::string json_of(const TraceView::Step& step) {
    std::string out = "{\"microseconds\":" + std::to_string(step.microseconds) +
                      ",\"what\":" + json_string(step.what);
    if (!step.server.empty()) {
        out += ",\"server\":" + json_string(step.server) +
               ",\"transport\":" + json_string(step.transport);
    }
    if (!step.rcode.empty()) out += ",\"rcode\":" + json_string(step.rcode);
    return out + "}";
}

std::string json_of(const std::optional<TraceView::Kept>& kept) {
    if (!kept) return "null";
    return "{\"age_seconds\":" + std::to_string(kept->age_seconds) +
           ",\"ttl_seconds\":" + std::to_string(kept->ttl_seconds) +
           ",\"failure\":" + (kept->failure ? "true" : "false") + "}";
}

std::string milliseconds(std::int64_t microseconds) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.3f", static_cast<double>(microseconds) / 1000);
    return text.data();
}

std::string over(const TraceView::Step& step) {
    return step.transport == "tcp" ? " over TCP" : " over UDP";
}

std::string sentence(const TraceView::Step& step) {
    const auto& server = step.server;
    if (step.what == "asked") return "asked " + server + over(step);
    if (step.what == "asked-plain") return "asked " + server + over(step) + ", without EDNS";
    if (step.what == "silent") return server + " has not replied" + over(step) + " in time";
    if (step.what == "unreachable") return server + " cannot be reached" + over(step);
    if (step.what == "replied") return server + " replied " + step.rcode + over(step);
    if (step.what == "truncated") return server + " cut its reply (TC)";
    if (step.what == "other-case") return server + " replied in other letters than it was asked in";
    if (step.what == "joined") return "the same question was on its way: its reply serves both";
    if (step.what == "fell-over") return "that is not the last word: its alternates are asked";
    if (step.what == "nobody") return "no upstream is configured for this name";
    if (step.what == "expired") return "the time for an answer is over";
    return step.what + " " + server;
}

std::string sentence(const std::optional<TraceView::Kept>& kept) {
    if (!kept) return "its cache had nothing";
    const auto [age, ttl, failure] = *kept;
    std::string out = "its cache had " + std::string{failure ? "a failure" : "an answer"} + ", " +
                      std::to_string(age) + " s old, ";
    if (age < ttl) return out + "fresh for " + std::to_string(ttl - age) + " s more";
    return out + std::to_string(age - ttl) + " s past its end";
}

std::string source_in_words(const TraceView& view) {
    if (view.source == "owned") return "from the names of this server";
    if (view.source == "cache") return "from the cache";
    if (view.source == "stale") return "from the cache, though past its end";
    if (view.source == "upstream") return "from upstream";
    return "made here";
}

TraceView::Step read_step(const boost::property_tree::ptree& tree) {
    return {tree.get<std::int64_t>("microseconds"), tree.get<std::string>("what"),
            tree.get<std::string>("server", ""), tree.get<std::string>("transport", ""),
            tree.get<std::string>("rcode", "")};
}

TraceView read_view(const boost::property_tree::ptree& tree) {
    if (tree.get<std::string>("schema") != schema) {
        throw std::runtime_error("the trace is of another version of meshgate-dns");
    }
    TraceView view;
    view.source = tree.get<std::string>("source");
    view.microseconds = tree.get<std::int64_t>("microseconds");
    view.worker = tree.get<std::size_t>("worker");
    view.workers = tree.get<std::size_t>("workers");
    if (const auto age = tree.get_optional<std::uint32_t>("cache.age_seconds")) {
        view.kept = {*age, tree.get<std::uint32_t>("cache.ttl_seconds"),
                     tree.get<bool>("cache.failure")};
    }
    for (const auto& [key, step] : tree.get_child("steps")) view.steps.push_back(read_step(step));
    const auto reply = from_hex(tree.get<std::string>("reply"));
    if (!reply) throw std::runtime_error("the trace has no reply in hexadecimal digits");
    view.reply = *reply;
    return view;
}

}  // namespace

TraceView make_trace_view(const dns::server::TraceReport& report, std::size_t worker,
                          std::size_t workers) {
    TraceView view;
    view.source = source_word(report.source);
    view.microseconds = microseconds(report.ended - report.began);
    view.worker = worker + 1;
    view.workers = workers;
    if (report.kept) view.kept = {report.kept->age, report.kept->ttl, report.kept->failure};
    for (const auto& step : report.steps) view.steps.push_back(make_step(step, report.began));
    view.reply = report.reply;
    return view;
}

std::string to_json(const TraceView& view) {
    std::string out = "{\"schema\":" + json_string(schema) +
                      ",\"source\":" + json_string(view.source) +
                      ",\"microseconds\":" + std::to_string(view.microseconds) +
                      ",\"worker\":" + std::to_string(view.worker) +
                      ",\"workers\":" + std::to_string(view.workers) +
                      ",\"cache\":" + json_of(view.kept) + ",\"steps\":[";
    for (std::size_t i = 0; i < view.steps.size(); ++i) {
        out += (i > 0 ? "," : "") + json_of(view.steps[i]);
    }
    return out + "],\"reply\":" + json_string(to_hex(view.reply)) + "}\n";
}

TraceView parse_trace(std::string_view json) {
    namespace pt = boost::property_tree;
    try {
        std::istringstream stream{std::string{json}};
        pt::ptree tree;
        pt::read_json(stream, tree);
        return read_view(tree);
    } catch (const pt::ptree_error& error) {
        throw std::runtime_error(std::string{"the admin endpoint does not speak our trace: "} +
                                 error.what());
    }
}

std::string to_text(const TraceView& view) {
    std::string out;
    if (view.source != "owned") {
        out += ";; worker " + std::to_string(view.worker) + " of " + std::to_string(view.workers) +
               "; " + sentence(view.kept) + "\n";
    }
    for (const auto& step : view.steps) {
        out += ";; " + milliseconds(step.microseconds) + " ms: " + sentence(step) + "\n";
    }
    return out + ";; " + milliseconds(view.microseconds) + " ms: answered " +
           source_in_words(view) + ", " + std::to_string(view.reply.size()) + " bytes\n";
}

}  // namespace meshgate::dnsd
