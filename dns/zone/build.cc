#include "dns/zone/build.h"

#include "conf/load.h"
#include "dns/wire/name.h"
#include "dns/wire/question.h"
#include "dns/wire/text_name.h"
#include "dns/zone/compiled_table.h"
#include "dns/zone/entry_builder.h"
#include "dns/zone/service_names.h"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string>
#include <utility>

namespace meshgate::dns::zone {
namespace {

using Name = std::span<const std::uint8_t>;
constexpr std::uint32_t negative_ttl_max = 30;  // a new name is seen this soon
constexpr EntryBuilder::Owner a_service = 1, first_source = 2;
constexpr std::size_t sources_max = 250;

/// From the configured names to nodes: what is common to services and records.
class Zone {
public:
    Zone(const Contents& contents, const Sources& sources)
        : contents_(contents), sources_(sources) {
        names_.ttl = contents.ttl;
        names_.negative_ttl = std::min(contents.ttl, negative_ttl_max);
        names_.reverse_ranges = contents.reverse_ranges;
        names_.complete = sources.complete;
    }

    CompiledNames compile() && {
        for (const std::string& domain : contents_.domains) add_apex(domain);
        for (const auto& apex : names_.apexes) node_with_ancestors(apex);
        add_forwarded();
        for (const NamedHost& host : contents_.hosts) {
            for (const std::string& name : host.names) claim(host, wire_name(host, name));
        }
        for_each_service_name(contents_,
                              [this](const NamedService& service, const std::string& name) {
                                  claim(service, wire_name(service, name));
                              });
        if (!contents_.domains.empty()) {
            for (const NamedService& service : contents_.services) {
                const std::string first = service.name + '.' + contents_.domains.front();
                add_reverse(service, wire_name(service, first));
            }
        }
        for (const NamedHost& host : contents_.hosts) {
            if (!host.names.empty()) add_reverse(host, wire_name(host, host.names.front()));
        }
        for (const WireRecord& record : contents_.records) add_record(record);
        check_cnames();
        if (sources_.told.size() > sources_max)
            throw std::length_error("too many sources of names");
        auto owner = first_source;
        for (const Source& source : sources_.told) add_source(source, owner++);
        names_.names = builder_.names_with_data();
        const auto offsets = builder_.pack(names_);
        for (const auto& [address, node] : reverse_) names_.reverse.add(address, offsets[node]);
        names_.reverse.finish();
        return std::move(names_);
    }

private:
    void add_apex(const std::string& domain) {
        const auto name = wire::to_wire(domain);
        if (name.size() < 2) throw conf::Error({{{}, "'" + domain + "' is no domain name"}});
        names_.apexes.push_back(name);
    }

    /// The node of `name`, and of every name between it and the apex above it: they exist as well
    /// (RFC 4592 section 2.2.2). Outside of our domains there is no zone of ours: what lies between
    /// is others', and a wildcard there is for all that has no longer match, as in Istio.
    std::uint32_t node_with_ancestors(Name name) {
        const std::uint32_t id = builder_.node(name);
        const std::size_t apex = apex_bytes_above(name);
        if (apex == 0) {
            if (!is_apex(name)) names_.foreign_names = true;
            return id;
        }
        for (std::size_t at = 1U + name[0]; name.size() - at > apex; at += 1U + name[at]) {
            builder_.node(name.subspan(at));
        }
        return id;
    }

    [[nodiscard]] std::size_t apex_bytes_above(Name name) const {
        std::size_t apex = 0;
        for (const auto& candidate : names_.apexes) {
            if (is_below(name, candidate)) apex = std::max(apex, candidate.size());
        }
        return apex;
    }

    /// What lies between a domain of ours and a suffix that is forwarded exists as well.
    void add_forwarded() {
        std::vector<std::vector<std::uint8_t>> suffixes;
        for (const std::string& suffix : contents_.forwarded) {
            suffixes.push_back(wire::to_wire(suffix));
            if (apex_bytes_above(suffixes.back()) != 0) node_with_ancestors(suffixes.back());
        }
        names_.forwarded = wire::SuffixSet{suffixes};
    }

    static bool is_below(Name name, Name apex) {
        for (std::size_t at = 1U + name[0]; at < name.size(); at += 1U + name[at]) {
            if (name.size() - at != apex.size()) continue;
            return std::equal(apex.begin(), apex.end(),
                              name.begin() + static_cast<std::ptrdiff_t>(at));
        }
        return false;
    }

    static std::vector<std::uint8_t> wire_name(const NamedService& service,
                                               const std::string& text) {
        return wire_name("service '" + service.name + "'", text, service.where);
    }

    static std::vector<std::uint8_t> wire_name(const NamedHost& host, const std::string& text) {
        return wire_name(host.source, text, host.where);
    }

    static std::vector<std::uint8_t> wire_name(const std::string& what, const std::string& text,
                                               const conf::Location& where) {
        auto name = wire::to_wire(text);
        if (name.size() >= 2) return name;
        throw conf::Error({{where, what + ": '" + text + "' is no domain name (too long?)"}});
    }

    /// A service whose families are all switched off still has its name: NODATA, not NXDOMAIN.
    template <class Addressed>
    void claim(const Addressed& service, Name name) {
        const std::uint32_t id = node_with_ancestors(name);
        if (!builder_.claim(id, a_service)) return;
        if (service.address4) {
            builder_.add(id, wire::type::a, contents_.ttl, service.address4->bytes());
        }
        if (service.address6) {
            builder_.add(id, wire::type::aaaa, contents_.ttl, service.address6->bytes());
        }
    }

    /// PTR of a VIP is the first name of the first that has it.
    template <class Addressed>
    void add_reverse(const Addressed& service, Name name) {
        const std::uint32_t id = builder_.node(name);
        if (service.address4) reverse_.emplace_back(*service.address4, id);
        if (!service.address6) return;
        if (service.address4 && *service.address6 == mapped(*service.address4)) {
            names_.mapped_reverse = true;
        } else {
            reverse_.emplace_back(*service.address6, id);
        }
    }

    /// Names that the configuration has as well are its own. The addresses of the others are VIPs
    /// too: each has a reverse name.
    void add_source(const Source& source, EntryBuilder::Owner owner) {
        builder_.reserve(source.hosts->size());
        for (std::size_t i = 0; i < source.hosts->size(); ++i) {
            const HostList::Host host = (*source.hosts)[i];
            const std::uint32_t id = node_with_ancestors(host.name);
            const bool is_more = source.merges && builder_.belongs_to(id, owner);
            if (!is_more && (builder_.has_data(id) || !builder_.claim(id, owner))) continue;
            note_wildcard(host.name);
            add_host(builder_, source, id, host, names_, reverse_);
        }
    }

    void note_wildcard(Name owner) {
        if (owner.size() <= 2 || owner[0] != 1 || owner[1] != '*') return;
        names_.wildcards = true;
        if (apex_bytes_above(owner) == 0) names_.foreign_wildcards = true;
    }

    static CompiledNames with_random_key() {
        CompiledNames names;
        names.key = wire::random_hash_key();
        return names;
    }

    void add_record(const WireRecord& record) {
        note_wildcard(record.owner);
        const std::uint32_t id = node_with_ancestors(record.owner);
        if (record.type != wire::type::cname) {
            builder_.add(id, record.type, record.ttl, record.rdata);
            return;
        }
        // Names are looked up in lower case, the targets of aliases too.
        std::array<std::uint8_t, wire::name_bytes_max> target{};
        const std::size_t bytes = wire::read_name(record.rdata, 0, target);
        if (bytes == 0) throw conf::Error({{record.where, "a CNAME whose target is no name"}});
        builder_.add(id, record.type, record.ttl, Name{target}.first(bytes));
    }

    /// RFC 1034 section 3.6.2: a CNAME stands alone. RFC 1912 section 2.4: so never at an apex.
    void check_cnames() {
        std::vector<conf::Diagnostic> errors;
        for (const WireRecord& record : contents_.records) {
            if (record.type != wire::type::cname) continue;
            const std::string owner = "'" + wire::to_text(record.owner) + "'";
            if (is_apex(record.owner)) {
                errors.push_back({record.where, owner + " is a domain of 'mesh.domains', which "
                                                        "cannot be a CNAME"});
            } else if (!builder_.is_lone(builder_.node(record.owner))) {
                errors.push_back(
                    {record.where, owner + " has a CNAME and other data" + other_place(record)});
            }
        }
        if (!errors.empty()) throw conf::Error(std::move(errors));
    }

    [[nodiscard]] bool is_apex(Name name) const {
        return std::any_of(names_.apexes.begin(), names_.apexes.end(), [name](const auto& apex) {
            return std::equal(apex.begin(), apex.end(), name.begin(), name.end());
        });
    }

    [[nodiscard]] std::string other_place(const WireRecord& cname) const {
        for (const WireRecord& record : contents_.records) {
            if (&record != &cname && record.owner == cname.owner) {
                return ": see " + record.where.to_string();
            }
        }
        std::string place;
        for (const NamedHost& host : contents_.hosts) {
            for (const std::string& name : host.names) {
                if (wire::to_wire(name) == cname.owner) return ": see " + host.where.to_string();
            }
        }
        for_each_service_name(contents_, [&](const NamedService& service, const std::string& text) {
            if (place.empty() && wire::to_wire(text) == cname.owner) {
                place = ": see " + service.where.to_string();
            }
        });
        return place;
    }

    const Contents& contents_;
    const Sources& sources_;
    CompiledNames names_ = with_random_key();
    EntryBuilder builder_{names_.key};
    ReverseNodes reverse_;
};

}  // namespace

void add_host(EntryBuilder& builder, const Source& source, std::uint32_t node,
              const HostList::Host& host, CompiledNames& names, ReverseNodes& reverse) {
    for (const conf::IpAddress& address : host.addresses) {
        const bool ipv4 = address.family() == conf::Family::ipv4;
        if (!(ipv4 ? source.ipv4 : source.ipv6)) continue;
        builder.add(node, ipv4 ? wire::type::a : wire::type::aaaa, source.ttl, address.bytes());
        if (address.unmapped()) {
            names.mapped_reverse = true;
        } else if (host.canonical) {
            reverse.emplace_back(address, node);
        }
    }
}

std::shared_ptr<const Table> build(const Contents& contents, const Sources& sources) {
    return std::make_shared<CompiledTable>(
        std::make_shared<const CompiledNames>(Zone{contents, sources}.compile()));
}

}  // namespace meshgate::dns::zone
