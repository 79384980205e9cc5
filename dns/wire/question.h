#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

/// Messages as bytes. Pure: no I/O, no allocation, no exceptions; every input is hostile.
namespace meshgate::dns::wire {

inline constexpr std::size_t header_bytes = 12;
inline constexpr std::size_t name_bytes_max =
    255;  ///< RFC 1035 section 3.1, the root label included
inline constexpr std::size_t message_bytes_max = 65535;
inline constexpr std::uint16_t udp_payload_default = 512;  ///< without OPT (RFC 1035 section 4.2.1)
inline constexpr std::uint16_t udp_payload_ours =
    1232;  ///< advertised and sent off loopback at most (DNS flag day 2020)

namespace flag {
inline constexpr std::uint16_t qr = 0x8000, opcode = 0x7800, aa = 0x0400, tc = 0x0200, rd = 0x0100,
                               ra = 0x0080, ad = 0x0020, cd = 0x0010;
}

enum class Rcode : std::uint16_t {
    noerror = 0,
    formerr = 1,
    servfail = 2,
    nxdomain = 3,
    notimp = 4,
    refused = 5,
    badvers = 16
};

namespace type {
inline constexpr std::uint16_t a = 1, ns = 2, cname = 5, soa = 6, ptr = 12, hinfo = 13, mx = 15,
                               txt = 16, aaaa = 28, srv = 33, opt = 41, ixfr = 251, axfr = 252,
                               any = 255;
}
namespace qclass {
inline constexpr std::uint16_t in = 1, chaos = 3, none = 254, any = 255;
}

/// The OPT record of a query (RFC 6891).
struct Edns {
    std::uint16_t udp_payload_size = udp_payload_default;  ///< as sent; below 512 counts as 512
    std::uint8_t version = 0;
    bool dnssec_ok = false;
    std::size_t options_offset = 0;  ///< of its RDATA in the message
    std::size_t options_bytes = 0;
};

/// A query, parsed once: a view into the datagram, plus its name in lower case for look-ups.
struct Question {
    std::span<const std::uint8_t> message;  ///< whole datagram
    std::uint16_t id = 0;
    std::uint16_t flags = 0;  ///< the second header word as sent
    std::uint16_t qtype = 0;
    std::uint16_t qclass = 0;
    std::size_t qname_bytes = 0;  ///< on the wire, uncompressed, at offset 12
    std::array<std::uint8_t, name_bytes_max>
        lower_qname;  ///< first qname_bytes valid: ASCII-lower-cased wire form
    std::optional<Edns> edns;

    [[nodiscard]] std::span<const std::uint8_t> qname() const noexcept {
        return message.subspan(header_bytes, qname_bytes);
    }
    [[nodiscard]] std::span<const std::uint8_t> lower() const noexcept {
        return {lower_qname.data(), qname_bytes};
    }
    /// Offset of the first byte after the question section.
    [[nodiscard]] std::size_t end() const noexcept { return header_bytes + qname_bytes + 4; }
    [[nodiscard]] bool recursion_desired() const noexcept { return (flags & 0x0100) != 0; }
    [[nodiscard]] bool checking_disabled() const noexcept { return (flags & 0x0010) != 0; }
};

enum class Parsed : std::uint8_t {
    question,  ///< `out` is a well-formed query with one question; opcode QUERY
    drop,      ///< shorter than a header, or a response (QR=1): answering could loop
    formerr,   ///< no or several questions, bad name, trailing garbage, two OPTs, OPT not at the
               ///< root
    notimp,    ///< another opcode (RFC 8906: answered, never dropped)
    badvers,   ///< EDNS version above 0; `out` is filled
};

/// Parses a query. For formerr and notimp `out` has at least id and flags, and the question where
/// it could be read (qname_bytes > 0).
Parsed parse_question(std::span<const std::uint8_t> message, Question& out) noexcept;

/// Extended DNS errors (RFC 8914) this server sends.
enum class Ede : std::uint16_t {
    none = 0xffff,
    other = 0,
    stale = 3,
    cached_error = 13,
    not_ready = 14,
    prohibited = 18,
    stale_nxdomain = 19,
    not_supported = 21,
    no_reachable_authority = 22,
    network_error = 23,
    invalid_data = 24
};

/// Writes an answer without records: header with QR=1, RA=1, RD and CD copied, the question echoed
/// byte for byte where it could be read, and an OPT if the query had one (with `ede` in it).
/// @pre out.size() >= question.end() + 32. @return bytes written; never more than 512.
std::size_t write_error(const Question& question, Rcode rcode, Ede ede,
                        std::span<std::uint8_t> out) noexcept;

/// The OPT record of a message made here (RFC 6891 section 6.1.1), without options but the extended
/// error.
/// @param rcode all 12 bits; its upper eight go here. @pre out.size() >= opt_bytes, with an `ede`
/// opt_bytes_max. @return bytes written.
inline constexpr std::size_t opt_bytes = 11;  ///< without an option
inline constexpr std::size_t opt_bytes_max = 17;
std::size_t write_opt(std::span<std::uint8_t> out, Rcode rcode, bool dnssec_ok, Ede ede) noexcept;

/// Bytes a UDP client can take: its EDNS size, at least 512; 512 without OPT; at most `cap`.
std::size_t udp_limit(const Question& question, std::size_t cap) noexcept;

/// Cuts a whole reply to an empty one with TC=1, its question kept and an OPT rebuilt if `reply`
/// had one (RFC 2181 section 9: never a partial RRset). @return bytes written to `out`, 0 if
/// `reply` is no message.
std::size_t write_truncated(std::span<const std::uint8_t> reply,
                            std::span<std::uint8_t> out) noexcept;

}  // namespace meshgate::dns::wire
