#pragma once

#include "conf/address.h"
#include "dns/wire/siphash.h"
#include "dns/wire/suffix_set.h"
#include "dns/zone/answer_writer.h"
#include "dns/zone/entry.h"
#include "dns/zone/name_index.h"
#include "dns/zone/reverse.h"
#include "dns/zone/table.h"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace meshgate::dns::zone {

/// What build() makes and CompiledTable answers from.
struct CompiledNames {
    wire::HashKey key;
    NameIndex index;                                ///< name -> offset in `entries`
    std::vector<std::uint8_t> entries;              ///< EntryView
    std::vector<std::vector<std::uint8_t>> apexes;  ///< owned suffixes, in wire form
    wire::SuffixSet forwarded;  ///< of what is below, only names with data are ours
    ReverseIndex reverse;
    std::vector<conf::Cidr>
        reverse_ranges;           ///< VIP ranges: a reverse name in one is ours, taken or not
    bool mapped_reverse = false;  ///< ::ffff:a.b.c.d is the same host as a.b.c.d
    bool wildcards = false;
    bool complete = true;             ///< Table::is_complete
    std::uint32_t ttl = 30;           ///< of PTR and NS records, seconds
    std::uint32_t negative_ttl = 30;  ///< of SOA records, and their MINIMUM
    std::size_t names = 0;
};

class CompiledTable final : public Table {
public:
    explicit CompiledTable(CompiledNames names);

    std::size_t answer(const wire::Question& question, std::size_t limit,
                       std::span<std::uint8_t> out) const noexcept override;
    std::size_t answer_alias(const wire::Question& question, std::span<const std::uint8_t> target,
                             std::size_t limit,
                             std::span<std::uint8_t> out) const noexcept override;
    [[nodiscard]] std::size_t names() const noexcept override { return names_.names; }
    [[nodiscard]] bool is_complete() const noexcept override { return names_.complete; }

private:
    /// What is known of a name.
    struct Found {
        std::optional<EntryView> entry;
        std::optional<std::uint32_t> ptr_entry;  ///< a VIP's reverse name: the entry of the service
        bool ours = false;
        bool exists = false;         ///< has records, or names below it
        std::size_t apex_bytes = 0;  ///< how much of its end is the zone it lies in
    };

    [[nodiscard]] Found find(std::span<const std::uint8_t> name) const noexcept;
    [[nodiscard]] Found find_owned(std::span<const std::uint8_t> name) const noexcept;
    [[nodiscard]] bool is_led_out(std::span<const std::uint8_t> name,
                                  const Found& found) const noexcept;
    [[nodiscard]] Found find_reverse(std::span<const std::uint8_t> name) const noexcept;
    [[nodiscard]] std::optional<EntryView>
    look_up(std::span<const std::uint8_t> name) const noexcept;
    [[nodiscard]] std::optional<EntryView>
    wildcard(std::span<const std::uint8_t> name) const noexcept;
    [[nodiscard]] std::size_t apex_bytes(std::span<const std::uint8_t> name) const noexcept;
    [[nodiscard]] std::optional<std::uint32_t>
    ptr_entry(const conf::IpAddress& address) const noexcept;
    [[nodiscard]] bool any_vip_in(const conf::Cidr& network) const noexcept;

    wire::Rcode fill(std::uint16_t qtype, PlacedName owner, Found found,
                     AnswerWriter& writer) const noexcept;
    /// Writes what the name itself has of this type. @return false when it has nothing.
    bool write_records(std::uint16_t qtype, const PlacedName& owner, const Found& found,
                       AnswerWriter& writer) const noexcept;
    void write_soa(const PlacedName& apex, Section section, AnswerWriter& writer) const noexcept;

    CompiledNames names_;
    std::vector<std::uint8_t> soa_tail_;  ///< RNAME and the numbers
};

}  // namespace meshgate::dns::zone
