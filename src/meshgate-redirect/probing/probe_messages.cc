#include "src/meshgate-redirect/probing/probe_messages.h"

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace meshgate::redirect {
namespace {

using conf::Protocol;

constexpr std::string_view greeting = "meshgate probe ";
constexpr unsigned first_id = 0x6d00;  // questions of probes: 0x6d00 + their number
constexpr unsigned max_number = 0xff;
constexpr std::size_t header_bytes = 12;  // RFC 1035 section 4.1.1
constexpr std::size_t max_label = 63;

void put_u16(std::string& message, unsigned number) {
    message += static_cast<char>(number >> 8U);
    message += static_cast<char>(number & 0xffU);
}

unsigned u16_at(std::string_view message, std::size_t at) {
    return static_cast<unsigned>(static_cast<std::uint8_t>(message[at])) << 8U |
           static_cast<std::uint8_t>(message[at + 1]);
}

void put_name(std::string& message, std::string_view name) {
    while (!name.empty()) {
        const auto label = name.substr(0, name.find('.'));
        const auto length = std::min(label.size(), max_label);
        message += static_cast<char>(length);
        message += label.substr(0, length);
        name.remove_prefix(std::min(label.size() + 1, name.size()));
    }
    message += '\0';
}

/// The message of DNS in what came; empty when it is none.
std::string_view dns_part(std::string_view message, Protocol protocol) {
    if (protocol == Protocol::tcp) message.remove_prefix(std::min<std::size_t>(2, message.size()));
    return message.size() < header_bytes ? std::string_view{} : message;
}

std::string framed(std::string message, Protocol protocol) {
    if (protocol != Protocol::tcp) return message;
    std::string length;
    put_u16(length, static_cast<unsigned>(message.size()));
    return length + message;
}

}  // namespace

std::string probe_message(std::size_t number, bool speaks_dns, Protocol protocol,
                          std::string_view name) {
    if (!speaks_dns) return std::string{greeting} + std::to_string(number) + "\n";
    constexpr unsigned type_a = 1, type_txt = 16, class_in = 1, class_chaos = 3;
    constexpr unsigned recursion_desired = 0x0100;
    std::string message;
    put_u16(message, first_id + static_cast<unsigned>(number));
    put_u16(message, name.empty() ? 0 : recursion_desired);
    for (const unsigned count : {1, 0, 0, 0}) put_u16(message, count);
    put_name(message, name.empty() ? "version.bind" : name);
    put_u16(message, name.empty() ? type_txt : type_a);
    put_u16(message, name.empty() ? class_chaos : class_in);
    return framed(std::move(message), protocol);
}

std::optional<std::size_t> number_of_probe(std::string_view message, Protocol protocol) {
    if (message.starts_with(greeting)) {
        message.remove_prefix(greeting.size());
        std::size_t number = 0;
        const auto parsed = std::from_chars(message.data(), message.data() + message.size(), number);
        if (parsed.ec != std::errc{}) return std::nullopt;
        return number;
    }
    const auto dns = dns_part(message, protocol);
    if (dns.empty()) return std::nullopt;
    const auto id = u16_at(dns, 0);
    if (id < first_id || id > first_id + max_number) return std::nullopt;
    return id - first_id;
}

std::string answer_to(std::string_view message, Protocol protocol) {
    if (message.starts_with(greeting)) return std::string{message};
    std::string answer{dns_part(message, protocol)};
    if (answer.empty()) return answer;
    answer[2] = static_cast<char>(answer[2] | '\x80');  // QR
    return framed(std::move(answer), protocol);
}

std::optional<DnsAnswer> parse_dns_answer(std::string_view message, Protocol protocol) {
    constexpr unsigned is_answer = 0x8000, rcode_mask = 0xf;
    const auto dns = dns_part(message, protocol);
    if (dns.empty() || (u16_at(dns, 2) & is_answer) == 0) return std::nullopt;
    return DnsAnswer{u16_at(dns, 2) & rcode_mask, u16_at(dns, 6)};
}

}  // namespace meshgate::redirect
