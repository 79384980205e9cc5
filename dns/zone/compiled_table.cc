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

/// A compressed name (RFC 1035 section 4.1.4). The offset fits in 14 bits: a question and
/// `cname_links_max` links take less than 4 KiB.
std::array<std::uint8_t, 2> pointer_to(const PlacedName& name) noexcept {
    std::array<std::uint8_t, 2> bytes{};
    wire::write16(bytes, 0, 0xc000U | name.offset);
    return bytes;
}

bool is_transfer(std::uint16_t qtype) noexcept {
    return qtype == wire::type::axfr || qtype == wire::type::ixfr;
}

/// The end of our SOA's RDATA: RNAME nobody.invalid (RFC 6303 section 3) and the numbers.
std::vector<std::uint8_t> make_soa_tail(std::uint32_t negative_ttl) {
    constexpr std::uint32_t serial = 1, refresh = 3600, retry = 1200, expire = 604800;
    std::vector<std::uint8_t> tail = wire::to_wire("nobody.invalid");
    for (const std::uint32_t number : {serial, refresh, retry, expire, negative_ttl}) {
        tail.resize(tail.size() + 4);
        wire::write32(tail, tail.size() - 4, number);
    }
    return tail;
}

std::optional<EntryView> look_up_in(const CompiledNames& names, std::uint32_t hash, Name name) {
    const auto offset = names.index.find(hash, [&names, name](std::uint32_t entry) {
        return equal(EntryView{names.entries, entry}.name(), name);
    });
    if (!offset) return std::nullopt;
    return EntryView{names.entries, *offset};
}

}  // namespace

CompiledTable::CompiledTable(std::shared_ptr<const CompiledNames> names,
                             std::shared_ptr<const AddedNames> added)
    : names_(std::move(names)), added_(std::move(added)), wildcards_(names_->wildcards),
      foreign_names_(names_->foreign_names), foreign_wildcards_(names_->foreign_wildcards),
      mapped_reverse_(names_->mapped_reverse), soa_tail_(make_soa_tail(names_->negative_ttl)) {
    if (!added_) return;
    wildcards_ = wildcards_ || added_->names.wildcards;
    foreign_names_ = foreign_names_ || added_->names.foreign_names;
    foreign_wildcards_ = foreign_wildcards_ || added_->names.foreign_wildcards;
    mapped_reverse_ = mapped_reverse_ || added_->names.mapped_reverse;
}

std::optional<EntryView> CompiledTable::look_up(Name name) const noexcept {
    const std::uint32_t hash = wire::siphash(names_->key, name);
    if (added_) {
        if (const auto found = look_up_in(added_->names, hash, name)) return found;
    }
    return look_up_in(*names_, hash, name);
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
        for (const auto& apex : names_->apexes) {
            if (apex.size() > longest && equal(suffix, apex)) longest = apex.size();
        }
        if (longest != 0) return longest;
    }
    return 0;
}

std::optional<EntryView> CompiledTable::named_by(const conf::IpAddress& address) const noexcept {
    if (const auto entry = names_->reverse.find(address)) {
        return EntryView{names_->entries, *entry};
    }
    const auto entry = added_ ? added_->names.reverse.find(address) : std::nullopt;
    if (!entry) return std::nullopt;
    return EntryView{added_->names.entries, *entry};
}

std::optional<EntryView> CompiledTable::ptr_entry(const conf::IpAddress& address) const noexcept {
    if (const auto entry = named_by(address)) return entry;
    const auto ipv4 = mapped_reverse_ ? address.unmapped() : std::nullopt;
    return ipv4 ? named_by(*ipv4) : std::nullopt;
}

bool CompiledTable::any_vip_in(const conf::Cidr& network) const noexcept {
    const auto any_in = [this](const conf::Cidr& range) {
        return names_->reverse.any_in(range) || (added_ && added_->names.reverse.any_in(range));
    };
    if (any_in(network)) return true;
    const auto ipv4 = mapped_reverse_ ? network.unmapped() : std::nullopt;
    return ipv4 && any_in(*ipv4);
}

/// The VIP ranges are reverse zones of ours, cut where a label ends ("240.in-addr.arpa" for a range
/// that holds 240.0.0.0/8), so that nobody upstream denies a parent of our names (RFC 8020). A VIP
/// outside them is a zone by itself.
CompiledTable::Found CompiledTable::find_reverse(Name name) const noexcept {
    const auto reverse = ReverseName::parse(name);
    if (!reverse) return {};
    Found found;
    if (reverse->is_address()) found.ptr_entry = ptr_entry(reverse->network().base);
    for (const conf::Cidr& range : names_->reverse_ranges) {
        if (!range.contains(reverse->network())) continue;
        found.ours = true;
        found.apex_bytes = reverse->suffix_bytes(range.prefix);
        found.exists =
            reverse->exact() && (found.apex_bytes == name.size() || any_vip_in(reverse->network()));
        return found;
    }
    found.ours = found.exists = found.ptr_entry.has_value();
    found.apex_bytes = name.size();
    return found;
}

CompiledTable::Found CompiledTable::find_owned(Name name) const noexcept {
    const std::size_t apex = apex_bytes(name);
    // Most names that are asked for lie in no domain of ours, and most names of ours do.
    auto entry = apex != 0 || foreign_names_ ? look_up(name) : std::nullopt;
    if (!entry && wildcards_ && (apex != 0 || foreign_wildcards_)) entry = wildcard(name);
    // A name in somebody else's domain is a zone of its own: what lies beside and below it is not
    // ours.
    if (entry) return {entry, std::nullopt, true, true, apex == 0 ? name.size() : apex};
    if (apex != 0) return {std::nullopt, std::nullopt, true, false, apex};
    return find_reverse(name);
}

/// A suffix that is forwarded is a hole in our zones: only names that have data themselves, or by
/// a wildcard within it, are ours there.
bool CompiledTable::is_led_out(Name name, const Found& found) const noexcept {
    if (!found.ours || found.ptr_entry) return false;
    const auto hole = names_->forwarded.longest(name);
    if (!hole || hole->bytes <= found.apex_bytes) return false;
    if (!found.entry || !found.entry->has_data()) return true;
    const Name owner = found.entry->name();
    const bool is_wildcard = owner.size() > 2 && owner[0] == 1 && owner[1] == '*';
    return is_wildcard && owner.size() - 2 < hole->bytes && !equal(owner, name);
}

CompiledTable::Found CompiledTable::find(Name name) const noexcept {
    if (names_->forwarded.empty()) return find_owned(name);
    const Found found = find_owned(name);
    return is_led_out(name, found) ? Found{} : found;
}

void CompiledTable::write_soa(const PlacedName& apex, Section section,
                              AnswerWriter& writer) const noexcept {
    std::array<std::uint8_t, 64> rdata{};
    const auto mname = pointer_to(apex);
    const auto end = std::copy(soa_tail_.begin(), soa_tail_.end(),
                               std::copy(mname.begin(), mname.end(), rdata.begin()));
    writer.add(section, apex, wire::type::soa, names_->negative_ttl,
               {rdata.data(), static_cast<std::size_t>(end - rdata.begin())});
}

bool CompiledTable::write_records(std::uint16_t qtype, const PlacedName& owner, const Found& found,
                                  AnswerWriter& writer) const noexcept {
    namespace type = wire::type;
    if (const auto rrset = found.entry ? found.entry->find(qtype) : std::nullopt) {
        writer.answer(owner, *rrset);
        return true;
    }
    const bool is_alias = found.entry && found.entry->find(type::cname);
    const bool is_apex = found.apex_bytes == owner.name.size() && !is_alias;
    const bool has_data = found.ptr_entry || is_apex || (found.entry && found.entry->has_data());
    if (found.ptr_entry && qtype == type::ptr) {
        writer.add(Section::answer, owner, type::ptr, names_->ttl, found.ptr_entry->name());
    } else if (is_apex && qtype == type::soa) {
        write_soa(owner, Section::answer, writer);
    } else if (is_apex && qtype == type::ns) {  // itself, as in RFC 6303 section 3
        writer.add(Section::answer, owner, type::ns, names_->ttl, pointer_to(owner));
    } else if (has_data && qtype == type::any) {
        writer.add(Section::answer, owner, type::hinfo, any_ttl, any_hinfo);
    } else {
        return false;
    }
    return true;
}

wire::Rcode CompiledTable::fill(std::uint16_t qtype, PlacedName owner, Found found,
                                AnswerWriter& writer) const noexcept {
    for (unsigned links = 0; links <= cname_links_max; ++links) {
        if (!found.ours) return wire::Rcode::noerror;  // a CNAME led out: whoever asked goes on
        if (found.exists && write_records(qtype, owner, found, writer)) {
            return wire::Rcode::noerror;
        }
        const auto cname = found.entry ? found.entry->find(wire::type::cname) : std::nullopt;
        if (!cname) {
            write_soa(owner.suffix(found.apex_bytes), Section::authority, writer);
            return found.exists ? wire::Rcode::noerror : wire::Rcode::nxdomain;
        }
        const Name target = cname->records.subspan(2);
        owner = {writer.add(Section::answer, owner, wire::type::cname, cname->ttl, target), target};
        found = find(target);
    }
    return wire::Rcode::servfail;  // a chain that never ends
}

std::size_t CompiledTable::answer_alias(const wire::Question& question, Name target,
                                        std::size_t limit,
                                        std::span<std::uint8_t> out) const noexcept {
    if (question.qclass != wire::qclass::in || is_transfer(question.qtype)) return 0;
    const Found found = find(target);
    if (!found.ours || !found.entry || !found.entry->has_data()) return 0;
    AnswerWriter writer{question, limit, out};
    const PlacedName owner{
        writer.add(Section::answer, writer.qname(), wire::type::cname, names_->ttl, target),
        target};
    if (question.qtype == wire::type::cname) return writer.finish(wire::Rcode::noerror);
    return writer.finish(fill(question.qtype, owner, found, writer));
}

std::size_t CompiledTable::answer(const wire::Question& question, std::size_t limit,
                                  std::span<std::uint8_t> out) const noexcept {
    const Found found = find(question.lower());
    if (!found.ours) return 0;
    if (question.qclass != wire::qclass::in || is_transfer(question.qtype)) {
        return wire::write_error(question, wire::Rcode::refused, wire::Ede::not_supported, out);
    }
    AnswerWriter writer{question, limit, out};
    return writer.finish(fill(question.qtype, writer.qname(), found, writer));
}

}  // namespace meshgate::dns::zone
