#include "conf/resolv_conf.h"

#include "conf/ranges.h"
#include "conf/words.h"

#include "src/common/errors.h"

#include <fstream>
#include <iterator>

namespace meshgate::conf {
namespace {

constexpr std::string_view blanks = " \t\r\f\v";

/// The next word of `line`, which is shortened by it.
std::string_view take_word(std::string_view& line) {
    const auto start = line.find_first_not_of(blanks);
    if (start == line.npos) return line = {};
    const auto end = std::min(line.find_first_of(blanks, start), line.size());
    const auto word = line.substr(start, end - start);
    line.remove_prefix(end);
    return word;
}

std::optional<SocketAddress> parse_line(std::string_view line) {
    if (line.starts_with('#') || line.starts_with(';')) return std::nullopt;
    if (take_word(line) != "nameserver") return std::nullopt;
    return SocketAddress::parse(take_word(line), dns_port);
}

template <class One>
void for_each_line(std::string_view text, One one) {
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        one(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
}

std::string read_whole(const std::string& file) {
    std::ifstream in{file, std::ios::binary};
    if (!in) throw_errno(file);
    std::string text{std::istreambuf_iterator<char>{in}, {}};
    if (in.bad()) throw_errno(file);
    return text;
}

}  // namespace

std::vector<std::string> parse_search(std::string_view text) {
    std::vector<std::string> domains;
    for_each_line(text, [&domains](std::string_view line) {
        const auto keyword = take_word(line);
        if (keyword != "search" && keyword != "domain") return;
        domains.clear();
        for (auto word = take_word(line); !word.empty(); word = take_word(line)) {
            const auto domain = parse_name(word);
            if (domain && domains.size() < search_domains_max) domains.push_back(*domain);
        }
    });
    return domains;
}

std::vector<std::string> read_search(const std::string& file) {
    return parse_search(read_whole(file));
}

std::vector<SocketAddress> parse_resolv_conf(std::string_view text) {
    std::vector<SocketAddress> servers;
    for_each_line(text, [&servers](std::string_view line) {
        auto server = parse_line(line);
        // A nameserver line has no port (resolv.conf(5)): "192.0.2.1:5353" is none.
        if (server && server->port == dns_port) servers.push_back(std::move(*server));
    });
    return servers;
}

std::vector<SocketAddress> read_resolv_conf(const std::string& file) {
    return parse_resolv_conf(read_whole(file));
}

}  // namespace meshgate::conf
