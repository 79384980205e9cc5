#pragma once

#include "dns/zone/table.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace meshgate::test {

/// The table of a configuration, TOML text, with fresh addresses; its file is called "test.toml".
std::shared_ptr<const dns::zone::Table> table_of(const std::string& toml);

/// A query in wire form, as a stub sends it.
struct Query {
    std::string name;  ///< its case goes on the wire as it is
    std::uint16_t type = 1;
    std::uint16_t qclass = 1;
    std::optional<std::uint16_t> edns = std::nullopt;  ///< UDP payload size
    bool dnssec_ok = false;
    std::uint16_t flags = 0x0100;  ///< RD
    std::uint16_t id = 0xbeef;
};

std::vector<std::uint8_t> to_bytes(const Query& query);

/// The table's answer, as bytes. Empty: not ours.
std::vector<std::uint8_t> ask(const dns::zone::Table& table, const Query& query,
                              std::size_t limit = 65535);

/// The answer in words, printed by ldns: "NOERROR aa rd ra | answer records; ... | authority
/// records; ...". "forward" when not ours.
std::string in_words(const dns::zone::Table& table, const Query& query, std::size_t limit = 65535);

}  // namespace meshgate::test
