#include "dns/zone/hosts_text.h"

#include "conf/address.h"
#include "conf/words.h"
#include "dns/wire/question.h"

#include <algorithm>
#include <array>
#include <optional>
#include <span>

namespace meshgate::dns::zone {
namespace {

constexpr std::size_t problems_max = 5;
constexpr std::size_t label_bytes_max = 63;

/// For each byte of a name: itself in lower case; 0 for what no name has.
constexpr auto name_bytes = [] {
    std::array<std::uint8_t, 256> bytes{};
    for (unsigned c = 'a'; c <= 'z'; ++c) {
        bytes[c] = static_cast<std::uint8_t>(c);
        bytes[c - 'a' + 'A'] = static_cast<std::uint8_t>(c);
    }
    for (unsigned c = '0'; c <= '9'; ++c) bytes[c] = static_cast<std::uint8_t>(c);
    bytes['-'] = '-';
    bytes['_'] = '_';
    return bytes;
}();

bool is_blank(char c) noexcept {
    return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

/// Takes the next word off a line; empty at its end or at a comment.
std::string_view take_word(std::string_view& line) noexcept {
    std::size_t begin = 0;
    while (begin < line.size() && is_blank(line[begin])) ++begin;
    std::size_t end = begin;
    while (end < line.size() && !is_blank(line[end]) && line[end] != '#') ++end;
    const std::string_view word = line.substr(begin, end - begin);
    line.remove_prefix(end);
    return word;
}

using Buffer = std::array<std::uint8_t, wire::name_bytes_max>;

/// Writes a name in lower-case wire form. @return bytes; 0: it is none.
std::size_t to_wire(std::string_view name, Buffer& out) noexcept {
    if (name.ends_with('.')) name.remove_suffix(1);
    if (name.empty() || name.size() > out.size() - 2) return 0;
    std::size_t length_at = 0, at = 1;
    if (name.starts_with("*.")) {
        out[0] = 1, out[1] = '*';
        length_at = 2, at = 3;
        name.remove_prefix(2);
    }
    for (const char c : name) {
        if (c != '.') {
            out[at] = name_bytes[static_cast<std::uint8_t>(c)];
            if (out[at++] == 0) return 0;
            continue;
        }
        const std::size_t bytes = at - length_at - 1;
        if (bytes == 0 || bytes > label_bytes_max) return 0;
        out[length_at] = static_cast<std::uint8_t>(bytes);
        length_at = at++;
    }
    const std::size_t bytes = at - length_at - 1;
    if (bytes == 0 || bytes > label_bytes_max) return 0;
    out[length_at] = static_cast<std::uint8_t>(bytes);
    out[at++] = 0;
    return at;
}

class Reader {
public:
    explicit Reader(std::uint32_t first_line) : line_(first_line) {}

    void read_line(std::string_view line) {
        const std::string_view text = take_word(line);
        if (!text.empty()) read_names(text, line);
        ++line_;
    }

    HostsText take() {
        out_.hosts.shrink_to_fit();
        return std::move(out_);
    }

private:
    void read_names(std::string_view text, std::string_view rest) {
        // A scope ("fe80::1%eth0") is this machine's own.
        const auto address = conf::IpAddress::parse(text.substr(0, text.find('%')));
        if (!address) return pass_over(text, " is no address: the line is passed over");
        bool canonical = true;
        for (auto word = take_word(rest); !word.empty(); word = take_word(rest)) {
            const std::size_t bytes = to_wire(word, name_);
            if (bytes == 0) {
                pass_over(word, " is no name: it is passed over");
                continue;
            }
            out_.hosts.add(std::span{name_}.first(bytes), {&*address, 1}, canonical);
            canonical = false;
        }
    }

    void pass_over(std::string_view word, const char* why) {
        ++out_.passed_over;
        if (out_.problems.size() == problems_max) return;
        out_.problems.push_back({line_, conf::in_quotes(word.substr(0, 64)) + why});
    }

    std::uint32_t line_;
    Buffer name_;
    HostsText out_;
};

}  // namespace

HostsText read_hosts(std::string_view text, std::uint32_t first_line) {
    Reader reader{first_line};
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        reader.read_line(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return reader.take();
}

}  // namespace meshgate::dns::zone
