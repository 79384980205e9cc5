#include "dns/server/chaos.h"

#include "dns/wire/bytes.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace meshgate::dns::server {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view program = "meshgate-dns " MESHGATE_VERSION;
constexpr std::size_t text_bytes_max = 64;  // HOST_NAME_MAX

struct HostName {
    std::array<char, text_bytes_max + 1> bytes{};
};

/// What the name asks for; empty: nothing that is known.
std::string_view text_for(std::span<const std::uint8_t> lower, HostName& host) noexcept {
    const std::string_view name{reinterpret_cast<const char*>(lower.data()), lower.size()};
    if (name == "\7version\4bind\0"sv || name == "\7version\6server\0"sv) return program;
    if (name != "\2id\6server\0"sv && name != "\10hostname\4bind\0"sv) return {};
    if (::gethostname(host.bytes.data(), text_bytes_max) != 0) return "unknown";
    return host.bytes.data();
}

/// A TXT record of one string, whose owner is the question's name.
std::size_t write_text(std::string_view text, std::span<std::uint8_t> out) noexcept {
    wire::write16(out, 0, 0xc000U | wire::header_bytes);
    wire::write16(out, 2, wire::type::txt);
    wire::write16(out, 4, wire::qclass::chaos);
    wire::write32(out, 6, 0);
    wire::write16(out, 10, text.size() + 1);
    out[12] = static_cast<std::uint8_t>(text.size());
    std::copy(text.begin(), text.end(), out.begin() + 13);
    return 13 + text.size();
}

}  // namespace

std::size_t answer_chaos(const wire::Question& question, Origin origin,
                         std::span<std::uint8_t> out) noexcept {
    using wire::Ede, wire::Rcode;
    HostName host;
    const std::string_view text = text_for(question.lower(), host);
    if (origin != Origin::here)
        return wire::write_error(question, Rcode::refused, Ede::prohibited, out);
    if (text.empty()) return wire::write_error(question, Rcode::refused, Ede::not_supported, out);
    wire::write_error(question, Rcode::noerror, Ede::none, out);
    out[2] |= wire::flag::aa >> 8U;
    std::size_t end = question.end();
    if (question.qtype == wire::type::txt || question.qtype == wire::type::any) {
        wire::write16(out, 6, 1);
        end += write_text(text, out.subspan(end));
    }
    if (!question.edns) return end;
    return end +
           wire::write_opt(out.subspan(end), Rcode::noerror, question.edns->dnssec_ok, Ede::none);
}

}  // namespace meshgate::dns::server
