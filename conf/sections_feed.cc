#include "conf/sections.h"
#include "conf/values.h"

#include <algorithm>
#include <array>

namespace meshgate::conf {
namespace {

constexpr std::size_t socket_path_bytes_max = 107;  // sockaddr_un, with its terminating NUL
constexpr std::uint32_t poll_seconds_max = 3600;
constexpr std::size_t hosts_files_max = 16;

void read_kuma(const toml::table& table, std::optional<KumaFeed>& to, Findings& findings) {
    static constexpr std::array<std::string_view, 3> keys{"socket", "poll", "wait"};
    TableReader reader{table, "feed.kuma", keys, findings};
    KumaFeed feed;
    feed.where = findings.place(table);
    if (!reader.has("socket")) {
        findings.error(table.source(), "'[feed.kuma]' needs 'socket'");
    }
    const auto before = findings.errors();
    reader.read("socket", feed.socket);
    const bool is_path =
        feed.socket.starts_with('/') && feed.socket.size() <= socket_path_bytes_max;
    if (reader.has("socket") && before == findings.errors() && !is_path) {
        findings.error(reader.place("socket"), "'feed.kuma.socket': " + in_quotes(feed.socket) +
                                                   " is not an absolute path of at most 107 bytes");
    }
    reader.read_seconds("poll", feed.poll);
    if (feed.poll == 0 || feed.poll > poll_seconds_max) {
        findings.error(reader.place("poll"), "'feed.kuma.poll' must be from \"1s\" to \"1h\"");
    }
    reader.read_seconds("wait", feed.wait);
    if (feed.wait > poll_seconds_max) {
        findings.error(reader.place("wait"), "'feed.kuma.wait' must be from \"0s\" to \"1h\"");
    }
    to = std::move(feed);
}

}  // namespace

void read_hosts(const toml::table& table, std::vector<HostsFile>& to, Findings& findings) {
    static constexpr std::array<std::string_view, 2> keys{"file", "ttl"};
    TableReader reader{table, "hosts", keys, findings};
    HostsFile hosts;
    hosts.where = findings.place(table);
    if (!need(reader, table, "hosts", {"file"})) return;
    reader.read("file", hosts.file);
    const bool twice = std::any_of(
        to.begin(), to.end(), [&](const HostsFile& other) { return other.file == hosts.file; });
    if (!hosts.file.starts_with('/')) {
        findings.error(reader.place("file"),
                       "'hosts.file': " + in_quotes(hosts.file) + " is not an absolute path");
    } else if (twice) {
        findings.error(reader.place("file"),
                       "'hosts.file': " + in_quotes(hosts.file) + " is there already");
    } else if (to.size() == hosts_files_max) {
        findings.error(table.source(), "'[[hosts]]': 16 files are the most");
    }
    if (reader.has("ttl")) {
        std::uint32_t ttl = 0;
        reader.read_seconds("ttl", ttl);
        hosts.ttl = ttl;
    }
    to.push_back(std::move(hosts));
}

void read_feed(const toml::table& table, Feeds& to, Findings& findings) {
    static constexpr std::array<std::string_view, 1> keys{"kuma"};
    TableReader reader{table, "feed", keys, findings};
    if (const auto* kuma = reader.table("kuma")) read_kuma(*kuma, to.kuma, findings);
}

}  // namespace meshgate::conf
