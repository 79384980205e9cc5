#include "dns/zone/compiled_table.h"

#include "dns/wire/bytes.h"
#include "dns/wire/text_name.h"

#include <algorithm>
#include <array>
#include <utility>

namespace meshgate::dns::zone {
namespace {

using Name = std::span<const std::uint8_t>;

constexpr unsigned cname_links_max = 8;
constexpr std::uint32_t any_ttl = 3600;
// HINFO "RFC8482" "" (RFC 8482 section 4.2)
constexpr std::array<std::uint8_t, 9> any_hinfo{7, 'R', 'F', 'C', '8', '4', '8', '2', 0};

bool equal(Name a, Name b) noexcept {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

std::optional<conf::IpAddress> unmapped(const conf::IpAddress& address) noexcept {
    constexpr std::array<std::uint8_t, 12> prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    const auto bytes = address.bytes();
    if (bytes.size() != 16 || !std::equal(prefix.begin(), prefix.end(), bytes.begin())) {
        return std::nullopt;
    }
    return conf::IpAddress::ipv4(std::span<const std::uint8_t, 4>{bytes.data() + 12, 4});
}

bool is_transfer(std::uint16_t qtype) noexcept {
    return qtype == wire::type::axfr || qtype == wire::type::ixfr;
}

}  // namespace

std::vector<std::uint8_t> soa_tail(std::uint32_t negative_ttl) {
    constexpr std::uint32_t serial = 1, refresh = 3600, retry = 1200, expire = 604800;
    std::vector<std::uint8_t> tail = wire::to_wire("nobody.invalid");
    for (const std::uint32_t number : {serial, refresh, retry, expire, negative_ttl}) {
        tail.resize(tail.size() + 4);
        wire::write32(tail, tail.size() - 4, number);
    }
    return tail;
}

CompiledTable::CompiledTable(CompiledNames names)
    : names_(std::move(names)), soa_tail_(soa_tail(names_.negative_ttl)) {}

std::optional<EntryView> CompiledTable::look_up(Name name) const noexcept {
    const auto offset =
        names_.index.find(siphash(names_.key, name), [this, name](std::uint32_t entry) {
            return equal(EntryView{names_.entries, entry}.name(), name);
        });
    if (!offset) return std::nullopt;
    return EntryView{names_.entries, *offset};
}

/// The name below which `name` falls, with '*' as its first label: the closest encloser's (RFC 4592
/// section 3.3.1).
std::optional<EntryView> CompiledTable::wildcard(Name name) const noexcept {
    std::array<std::uint8_t, wire::name_bytes_max + 2> star{1, '*'};
    for (std::size_t at = 1U + name[0]; at < name.size(); at += 1U + name[at]) {
        const Name ancestor = name.subspan(at);
        std::copy(ancestor.begin(), ancestor.end(), star.begin() + 2);
        if (const auto found = look_up(Name{star}.first(2 + ancestor.size()))) return found;
        if (ancestor.size() == 1 || look_up(ancestor)) return std::nullopt;
    }
    return std::nullopt;
}

std::size_t CompiledTable::apex_bytes(Name name) const noexcept {
    std::size_t longest = 0;
    for (std::size_t at = 0; at < name.size(); at += 1U + name[at]) {
        const Name suffix = name.subspan(at);
        for (const auto& apex : names_.apexes) {
            if (apex.size() > longest && equal(suffix, apex)) longest = apex.size();
        }
        if (longest != 0) return longest;
    }
    return 0;
}

CompiledTable::Found CompiledTable::find_reverse(Name name) const noexcept {
    const auto address = parse_reverse_name(name);
    if (!address) return {};
    auto entry = names_.reverse.find(*address);
    if (!entry && names_.mapped_reverse) {
        if (const auto ipv4 = unmapped(*address)) entry = names_.reverse.find(*ipv4);
    }
    const auto in_range = [&](const conf::Cidr& range) { return range.contains(*address); };
    const bool ours =
        entry || std::any_of(names_.reverse_ranges.begin(), names_.reverse_ranges.end(), in_range);
    return {std::nullopt, entry, name.size(), ours};
}

CompiledTable::Found CompiledTable::find(Name name) const noexcept {
    const std::size_t apex = apex_bytes(name);
    // A name in somebody else's domain is a zone of its own: what lies beside and below it is not
    // ours.
    if (const auto entry = look_up(name)) {
        return {entry, std::nullopt, apex == 0 ? name.size() : apex, true};
    }
    if (names_.wildcards) {
        if (const auto entry = wildcard(name)) {
            return {entry, std::nullopt, apex == 0 ? name.size() : apex, true};
        }
    }
    if (apex != 0) return {std::nullopt, std::nullopt, apex, true};
    return find_reverse(name);
}

void CompiledTable::write_soa(const PlacedName& owner, const Found& found,
                              AnswerWriter& writer) const noexcept {
    const PlacedName apex = owner.suffix(found.apex_bytes);
    std::array<std::uint8_t, wire::name_bytes_max + 64> rdata;
    auto end = std::copy(apex.name.begin(), apex.name.end(), rdata.begin());  // MNAME
    end = std::copy(soa_tail_.begin(), soa_tail_.end(), end);
    writer.authority_soa(apex, names_.negative_ttl,
                         {rdata.data(), static_cast<std::size_t>(end - rdata.begin())});
}

wire::Rcode CompiledTable::fill(std::uint16_t qtype, Found found,
                                AnswerWriter& writer) const noexcept {
    namespace type = wire::type;
    PlacedName owner = writer.qname();
    for (unsigned links = 0; links <= cname_links_max; ++links) {
        if (found.ptr_entry && qtype == type::ptr) {
            writer.answer(owner, type::ptr, names_.ttl,
                          EntryView{names_.entries, *found.ptr_entry}.name());
            return wire::Rcode::noerror;
        }
        if (!found.entry && !found.ptr_entry) {
            if (found.ours) write_soa(owner, found, writer);
            return found.ours ? wire::Rcode::nxdomain : wire::Rcode::noerror;
        }
        const bool has_data = found.ptr_entry || found.entry->has_data();
        if (qtype == type::any && has_data) {
            writer.answer(owner, type::hinfo, any_ttl, any_hinfo);
            return wire::Rcode::noerror;
        }
        if (const auto rrset = found.entry ? found.entry->find(qtype) : std::nullopt) {
            writer.answer(owner, *rrset);
            return wire::Rcode::noerror;
        }
        const auto cname = found.entry ? found.entry->find(type::cname) : std::nullopt;
        if (!cname) {
            write_soa(owner, found, writer);
            return wire::Rcode::noerror;
        }
        const Name target = cname->records.subspan(2);
        const std::size_t at = writer.answer(owner, type::cname, cname->ttl, target);
        owner = {at, target};
        found = find(target);
    }
    return wire::Rcode::servfail;  // a chain that never ends
}

std::size_t CompiledTable::answer(const wire::Question& question, std::size_t limit,
                                  std::span<std::uint8_t> out) const noexcept {
    const Found found = find(question.lower());
    if (!found.ours) return 0;
    if (question.qclass != wire::qclass::in || is_transfer(question.qtype)) {
        return wire::write_error(question, wire::Rcode::refused, wire::Ede::not_supported, out);
    }
    AnswerWriter writer{question, limit, out};
    return writer.finish(fill(question.qtype, found, writer));
}

}  // namespace meshgate::dns::zone
