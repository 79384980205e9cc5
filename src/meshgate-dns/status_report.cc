#include "src/meshgate-dns/status_report.h"

#include "src/meshgate-dns/json.h"

#include <boost/property_tree/json_parser.hpp>
#include <boost/property_tree/ptree.hpp>

#include <cstdio>
#include <sstream>
#include <stdexcept>

namespace meshgate::dnsd {
namespace {

std::string seconds(double value) {
    char text[32];
    std::snprintf(text, sizeof text, "%.3f", value);
    return text;
}

std::string boolean(bool value) {
    return value ? "true" : "false";
}

}  // namespace

std::string to_json(const StatusReport& report) {
    std::string out = R"({"schema":"meshgate-dns.status/1","state":)" + json_string(report.state);
    out += ",\"version\":" + json_string(report.version);
    out += ",\"pid\":" + std::to_string(report.pid);
    out += ",\"uptime_seconds\":" + seconds(report.uptime_seconds);
    out += ",\"names\":" + std::to_string(report.names);
    out += ",\"reload\":{\"ok\":" + boolean(report.reload.ok);
    out += ",\"count\":" + std::to_string(report.reload.count);
    out += ",\"error\":" + json_string(report.reload.error) + "},\"upstreams\":[";
    for (std::size_t i = 0; i < report.upstreams.size(); ++i) {
        const auto& upstream = report.upstreams[i];
        if (i > 0) out += ',';
        out += "{\"address\":" + json_string(upstream.address) + ",\"up\":" + boolean(upstream.up) +
               "}";
    }
    out += "],\"feeds\":[";
    for (std::size_t i = 0; i < report.feeds.size(); ++i) {
        const auto& feed = report.feeds[i];
        if (i > 0) out += ',';
        out += "{\"name\":" + json_string(feed.name) + ",\"ok\":" + boolean(feed.ok) +
               ",\"age_seconds\":" + (feed.age_seconds ? seconds(*feed.age_seconds) : "null") + "}";
    }
    return out + "]}\n";
}

StatusReport parse_status(std::string_view json) {
    namespace pt = boost::property_tree;
    try {
        std::istringstream stream{std::string{json}};
        pt::ptree tree;
        pt::read_json(stream, tree);
        if (tree.get<std::string>("schema") != "meshgate-dns.status/1") {
            throw std::runtime_error("the status is of another version of meshgate-dns");
        }
        StatusReport report;
        report.state = tree.get<std::string>("state");
        report.version = tree.get<std::string>("version");
        report.pid = tree.get<std::int64_t>("pid");
        report.uptime_seconds = tree.get<double>("uptime_seconds");
        report.names = tree.get<std::uint64_t>("names");
        report.reload.ok = tree.get<bool>("reload.ok");
        report.reload.count = tree.get<std::uint64_t>("reload.count");
        report.reload.error = tree.get<std::string>("reload.error");
        for (const auto& [key, upstream] : tree.get_child("upstreams")) {
            report.upstreams.push_back(
                {upstream.get<std::string>("address"), upstream.get<bool>("up")});
        }
        for (const auto& [key, feed] : tree.get_child("feeds")) {
            const auto age = feed.get_optional<double>("age_seconds");  // null is no number
            report.feeds.push_back({feed.get<std::string>("name"), feed.get<bool>("ok"),
                                    age ? std::optional{*age} : std::nullopt});
        }
        return report;
    } catch (const pt::ptree_error& error) {
        throw std::runtime_error(std::string{"the admin endpoint does not speak our status: "} +
                                 error.what());
    }
}

std::string to_text(const StatusReport& report) {
    std::string out = "state      " + report.state + "\n";
    out += "version    " + report.version + "\n";
    out += "pid        " + std::to_string(report.pid) + "\n";
    out += "uptime     " + seconds(report.uptime_seconds) + " s\n";
    out += "names      " + std::to_string(report.names) + "\n";
    out += "reloads    " + std::to_string(report.reload.count) +
           (report.reload.ok ? "" : ", the last one failed") + "\n";
    std::istringstream lines{report.reload.error};
    for (std::string line; std::getline(lines, line);) out += "           " + line + "\n";
    for (const auto& upstream : report.upstreams) {
        out += "upstream   " + upstream.address + (upstream.up ? " up" : " down") + "\n";
    }
    for (const auto& feed : report.feeds) {
        out += "feed       " + feed.name + (feed.ok ? " ok" : " failing") + ", ";
        out += feed.age_seconds ? seconds(*feed.age_seconds) + " s old\n" : "nothing yet\n";
    }
    return out;
}

}  // namespace meshgate::dnsd
