#pragma once

#include "conf/address.h"
#include "dns/zone/answer_writer.h"
#include "dns/zone/entry.h"
#include "dns/zone/name_index.h"
#include "dns/zone/reverse.h"
#include "dns/zone/siphash.h"
#include "dns/zone/table.h"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace meshgate::dns::zone {

/// What build() makes and CompiledTable answers from.
struct CompiledNames {
    HashKey key;
    NameIndex index;                                ///< name -> offset in `entries`
    std::vector<std::uint8_t> entries;              ///< EntryView
    std::vector<std::vector<std::uint8_t>> apexes;  ///< owned suffixes, in wire form
    ReverseIndex reverse;
    std::vector<conf::Cidr>
        reverse_ranges;           ///< VIP ranges: a reverse name in one is ours, taken or not
    bool mapped_reverse = false;  ///< ::ffff:a.b.c.d is the same host as a.b.c.d
    bool wildcards = false;
    std::uint32_t ttl = 30;           ///< of PTR records, seconds
    std::uint32_t negative_ttl = 30;  ///< of the SOA in negative answers, and its MINIMUM
    std::size_t names = 0;
};

class CompiledTable final : public Table {
public:
    explicit CompiledTable(CompiledNames names);

    std::size_t answer(const wire::Question& question, std::size_t limit,
                       std::span<std::uint8_t> out) const noexcept override;
    [[nodiscard]] std::size_t names() const noexcept override { return names_.names; }

private:
    /// What is known of a name: whether it is ours, its records, and how much of its end is the
    /// zone it belongs to.
    struct Found {
        std::optional<EntryView> entry;
        std::optional<std::uint32_t> ptr_entry;  ///< a VIP's reverse name: the entry of the service
        std::size_t apex_bytes = 0;
        bool ours = false;
    };

    [[nodiscard]] Found find(std::span<const std::uint8_t> name) const noexcept;
    [[nodiscard]] std::optional<EntryView>
    look_up(std::span<const std::uint8_t> name) const noexcept;
    [[nodiscard]] std::optional<EntryView>
    wildcard(std::span<const std::uint8_t> name) const noexcept;
    [[nodiscard]] std::size_t apex_bytes(std::span<const std::uint8_t> name) const noexcept;
    [[nodiscard]] Found find_reverse(std::span<const std::uint8_t> name) const noexcept;

    wire::Rcode fill(std::uint16_t qtype, Found found, AnswerWriter& writer) const noexcept;
    void write_soa(const PlacedName& owner, const Found& found,
                   AnswerWriter& writer) const noexcept;

    CompiledNames names_;
    std::vector<std::uint8_t> soa_tail_;  ///< RNAME and the numbers
};

/// The end of our SOA's RDATA: RNAME nobody.invalid (RFC 6303 section 3) and the numbers.
std::vector<std::uint8_t> soa_tail(std::uint32_t negative_ttl);

}  // namespace meshgate::dns::zone
