#include "conf/sections.h"
#include "conf/words.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

/// How endpoints are checked.
namespace meshgate::conf {
namespace {

using std::chrono::milliseconds;
using namespace std::chrono_literals;

template <std::size_t Size>
using Keys = std::array<std::string_view, Size>;

constexpr std::size_t path_bytes_max = 1024;
constexpr std::size_t host_bytes_max = 255;
constexpr std::size_t body_bytes_max = 256;
constexpr unsigned row_max = 100;

/// A time within bounds, which the words name.
void read_time(TableReader& reader, std::string_view key, milliseconds least, milliseconds most,
               std::string_view bounds, milliseconds& to) {
    const auto* node = reader.find(key);
    if (node == nullptr) return;
    const auto text = as_string(reader.findings(), *node, reader.name(key));
    if (!text) return;
    const auto time = parse_milliseconds(*text);
    if (time && *time >= least && *time <= most) {
        to = *time;
        return;
    }
    reader.findings().error(node->source(), in_quotes(reader.name(key)) + " must be a duration " +
                                                std::string{bounds} + ", not " + in_quotes(*text));
}

void read_number(TableReader& reader, std::string_view key, unsigned least, unsigned most,
                 unsigned& to) {
    const auto* node = reader.find(key);
    if (node == nullptr) return;
    const auto number = as_integer(reader.findings(), *node, reader.name(key), least, most);
    if (number) to = static_cast<unsigned>(*number);
}

/// What goes into the request as it is: no byte of it may end its line, or its word.
void read_word_of_request(TableReader& reader, std::string_view key, std::size_t most,
                          std::string_view what, std::string& to) {
    std::string text;
    reader.read(key, text);
    if (text.empty() && !reader.has(key)) return;
    const bool is_word = !text.empty() && text.size() <= most &&
                         std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
    if (is_word && (key != "path" || text.starts_with('/'))) {
        to = std::move(text);
    } else if (reader.find(key)->is_string()) {
        reader.findings().error(reader.place(key), in_quotes(reader.name(key)) + ": " +
                                                       in_quotes(text) + " is not " +
                                                       std::string{what});
    }
}

void read_body(TableReader& reader, std::string& to) {
    reader.read("body", to);
    if (!reader.has("body") || !reader.find("body")->is_string()) return;
    if (to.empty() || to.size() > body_bytes_max) {
        reader.findings().error(reader.place("body"),
                                in_quotes(reader.name("body")) + " is a text of 1 to 256 bytes");
        to.clear();
    }
}

void read_status(TableReader& reader, std::vector<std::uint16_t>& to) {
    reader.read_each("status", [&](const toml::node& node) {
        const auto status =
            as_integer(reader.findings(), node, reader.name("status"), 200, 599);
        if (status) to.push_back(static_cast<std::uint16_t>(*status));
    });
}

/// What only HTTP has would be passed over silently.
void check_kind(TableReader& reader, CheckKind kind) {
    if (kind == CheckKind::http) return;
    for (const std::string_view key : {"path", "host", "status", "body"}) {
        if (!reader.has(key)) continue;
        reader.findings().error(reader.place(key), in_quotes(reader.name(key)) +
                                                       " is for check = \"http\"");
    }
}

}  // namespace

void read_health(const toml::table& table, MaybeHealthCheck& to, Findings& findings) {
    static constexpr Keys<12> keys{"check",    "port",    "path", "host", "status", "body",
                                   "interval", "timeout", "rise", "fall", "panic",  "on_down"};
    static constexpr Keys<2> kinds{"tcp", "http"};
    static constexpr Keys<2> ends{"keep", "cut"};
    TableReader reader{table, "service.health", keys, findings};
    HealthCheck check;
    if (const auto kind = reader.read_word("check", kinds)) check.kind = static_cast<CheckKind>(*kind);
    if (reader.has("port")) reader.read("port", check.port.emplace());
    read_word_of_request(reader, "path", path_bytes_max, "a path such as \"/healthz\"", check.path);
    read_word_of_request(reader, "host", host_bytes_max, "a name such as \"web.example\"", check.host);
    read_status(reader, check.status);
    read_body(reader, check.body);
    check_kind(reader, check.kind);
    read_time(reader, "interval", 100ms, 1h, "from \"100ms\" to \"1h\"", check.interval);
    check.timeout = std::min(check.timeout, check.interval);
    read_time(reader, "timeout", 10ms, 1min, "from \"10ms\" to \"1m\"", check.timeout);
    if (check.timeout > check.interval) {
        findings.error(reader.place("timeout"),
                       "'service.health.timeout' is longer than 'service.health.interval'");
    }
    read_number(reader, "rise", 1, row_max, check.rise);
    read_number(reader, "fall", 1, row_max, check.fall);
    read_number(reader, "panic", 0, 100, check.panic);
    if (const auto end = reader.read_word("on_down", ends)) check.cut = *end == 1;
    to.check = std::make_shared<const HealthCheck>(std::move(check));
}

}  // namespace meshgate::conf
