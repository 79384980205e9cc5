#pragma once

#include "conf/address.h"
#include "dns/wire/siphash.h"
#include "dns/wire/suffix_set.h"
#include "dns/zone/answer_writer.h"
#include "dns/zone/build.h"
#include "dns/zone/entry.h"
#include "dns/zone/name_index.h"
#include "dns/zone/reverse.h"
#include "dns/zone/table.h"

#include <cstdint>
#include <memory>
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
    bool foreign_names = false;      ///< some of the names lie in no domain of ours
    bool foreign_wildcards = false;  ///< some of the wildcards lie in none
    bool complete = true;             ///< Table::is_complete
    std::uint32_t ttl = 30;           ///< of PTR and NS records, seconds
    std::uint32_t negative_ttl = 30;  ///< of SOA records, and their MINIMUM
    std::size_t names = 0;
};

/// Names that came after the table was built, few beside it: a table of their own, with what they
/// are made of.
struct AddedNames {
    CompiledNames names;  ///< index, entries, reverse, names and the flags; the rest is the base's
    std::vector<Source> sources;
};

class CompiledTable final : public Table {
public:
    /// @param names  shared with the tables that have more names. @param added  null: none.
    explicit CompiledTable(std::shared_ptr<const CompiledNames> names,
                           std::shared_ptr<const AddedNames> added = nullptr);

    [[nodiscard]] const std::shared_ptr<const CompiledNames>& base() const noexcept {
        return names_;
    }
    [[nodiscard]] const AddedNames* added() const noexcept { return added_.get(); }
    /// What is there under a name: records, or nothing but names below it.
    [[nodiscard]] std::optional<EntryView>
    look_up(std::span<const std::uint8_t> name) const noexcept;
    /// The name of an address.
    [[nodiscard]] std::optional<EntryView> ptr_entry(const conf::IpAddress& address) const noexcept;
    /// How much of the end of a name is a domain of ours; 0: it lies in none.
    [[nodiscard]] std::size_t apex_bytes(std::span<const std::uint8_t> name) const noexcept;

    std::size_t answer(const wire::Question& question, std::size_t limit,
                       std::span<std::uint8_t> out) const noexcept override;
    std::size_t answer_alias(const wire::Question& question, std::span<const std::uint8_t> target,
                             std::size_t limit,
                             std::span<std::uint8_t> out) const noexcept override;
    [[nodiscard]] std::size_t names() const noexcept override {
        return names_->names + (added_ ? added_->names.names : 0);
    }
    [[nodiscard]] bool is_complete() const noexcept override { return names_->complete; }

private:
    /// What is known of a name.
    struct Found {
        std::optional<EntryView> entry;
        std::optional<EntryView> ptr_entry;  ///< a VIP's reverse name: the entry of the service
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
    wildcard(std::span<const std::uint8_t> name) const noexcept;
    [[nodiscard]] std::optional<EntryView> named_by(const conf::IpAddress& address) const noexcept;
    [[nodiscard]] bool any_vip_in(const conf::Cidr& network) const noexcept;

    wire::Rcode fill(std::uint16_t qtype, PlacedName owner, Found found,
                     AnswerWriter& writer) const noexcept;
    /// Writes what the name itself has of this type. @return false when it has nothing.
    bool write_records(std::uint16_t qtype, const PlacedName& owner, const Found& found,
                       AnswerWriter& writer) const noexcept;
    void write_soa(const PlacedName& apex, Section section, AnswerWriter& writer) const noexcept;

    std::shared_ptr<const CompiledNames> names_;
    std::shared_ptr<const AddedNames> added_;
    bool wildcards_, foreign_names_, foreign_wildcards_, mapped_reverse_;  ///< of both
    std::vector<std::uint8_t> soa_tail_;  ///< RNAME and the numbers
};

}  // namespace meshgate::dns::zone
