#include "dns/zone/build.h"

#include "conf/load.h"
#include "dns/wire/question.h"
#include "dns/wire/text_name.h"
#include "dns/zone/compiled_table.h"
#include "dns/zone/service_names.h"

#include <sys/random.h>

#include "src/common/errors.h"

#include <algorithm>
#include <limits>
#include <string>
#include <unordered_map>
#include <utility>

namespace meshgate::dns::zone {
namespace {

using Name = std::span<const std::uint8_t>;
constexpr std::uint32_t none = std::numeric_limits<std::uint32_t>::max();
constexpr std::uint32_t negative_ttl_max = 30;  // a new name is seen this soon

/// Collects names and records in flat arrays, then packs them.
class Builder {
public:
    explicit Builder(const HashKey& key) : key_(key) {}

    /// The node of a name, made when new.
    std::uint32_t node(Name name) {
        const std::uint32_t hash = siphash(key_, name);
        const auto same = [&](std::uint32_t id) {
            const Name other = name_of(id);
            return std::equal(name.begin(), name.end(), other.begin(), other.end());
        };
        if (const auto found = index_.find(hash, same)) return *found;
        const auto id = static_cast<std::uint32_t>(nodes_.size());
        nodes_.push_back({bytes_.size(), static_cast<std::uint8_t>(name.size()), none, none});
        bytes_.insert(bytes_.end(), name.begin(), name.end());
        index_.insert(hash, id);
        return id;
    }

    /// Appends a record, unless the name has the same one already.
    void add(std::uint32_t id, std::uint16_t type, std::uint32_t ttl, Name rdata) {
        Node& node = nodes_[id];
        for (std::uint32_t at = node.first_row; at != none; at = rows_[at].next) {
            const Name other = rdata_of(rows_[at]);
            const bool same = rows_[at].type == type &&
                              std::equal(rdata.begin(), rdata.end(), other.begin(), other.end());
            if (same) return;
        }
        const auto row = static_cast<std::uint32_t>(rows_.size());
        rows_.push_back({bytes_.size(), static_cast<std::uint16_t>(rdata.size()), type, ttl, none});
        bytes_.insert(bytes_.end(), rdata.begin(), rdata.end());
        (node.first_row == none ? node.first_row : rows_[node.last_row].next) = row;
        node.last_row = row;
    }

    [[nodiscard]] bool has_only(std::uint32_t id, std::uint16_t type) const {
        for (std::uint32_t at = nodes_[id].first_row; at != none; at = rows_[at].next) {
            if (rows_[at].type != type || rows_[at].next != none) return false;
        }
        return true;
    }

    [[nodiscard]] std::size_t names_with_data() const {
        return static_cast<std::size_t>(std::count_if(
            nodes_.begin(), nodes_.end(), [](const Node& node) { return node.first_row != none; }));
    }

    /// Packs everything; the offset of node i is offsets[i].
    std::vector<std::uint32_t> pack(CompiledNames& to) {
        std::vector<std::uint32_t> offsets;
        offsets.reserve(nodes_.size());
        to.entries.reserve(bytes_.size() + nodes_.size() * 2 + rows_.size() * 14);
        std::vector<RecordData> records;
        for (const Node& node : nodes_) {
            records.clear();
            for (std::uint32_t at = node.first_row; at != none; at = rows_[at].next) {
                records.push_back({rows_[at].type, rows_[at].ttl, rdata_of(rows_[at])});
            }
            offsets.push_back(append_entry(to.entries, name_of(node), records));
        }
        to.entries.shrink_to_fit();
        index_.change_values([&offsets](std::uint32_t id) { return offsets[id]; });
        to.index = std::move(index_);
        return offsets;
    }

private:
    struct Node {
        std::size_t name;
        std::uint8_t name_bytes;
        std::uint32_t first_row, last_row;
    };
    struct Row {
        std::size_t rdata;
        std::uint16_t rdata_bytes, type;
        std::uint32_t ttl, next;
    };

    [[nodiscard]] Name name_of(const Node& node) const {
        return Name{bytes_}.subspan(node.name, node.name_bytes);
    }
    [[nodiscard]] Name name_of(std::uint32_t id) const { return name_of(nodes_[id]); }
    [[nodiscard]] Name rdata_of(const Row& row) const {
        return Name{bytes_}.subspan(row.rdata, row.rdata_bytes);
    }

    HashKey key_;
    NameIndex index_;
    std::vector<Node> nodes_;
    std::vector<Row> rows_;
    std::vector<std::uint8_t> bytes_;  ///< names and RDATA
};

/// From the configured names to nodes: what is common to services and records.
class Zone {
public:
    explicit Zone(const Contents& contents) : contents_(contents) {
        names_.ttl = contents.ttl;
        names_.negative_ttl = std::min(contents.ttl, negative_ttl_max);
        names_.reverse_ranges = contents.reverse_ranges;
    }

    CompiledNames compile() && {
        for (const std::string& domain : contents_.domains) add_apex(domain);
        for (const NamedService& service : contents_.services) add_service(service);
        for (const WireRecord& record : contents_.records) add_record(record);
        check_cnames();
        const std::size_t empty_apexes = complete_apexes();
        names_.names = builder_.names_with_data() - empty_apexes;
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

    /// The node of `name`, and of every name between it and its apex: they exist as well (RFC 4592
    /// section 2.2.2).
    std::uint32_t node_with_ancestors(Name name) {
        const std::uint32_t id = builder_.node(name);
        std::size_t apex = 0;
        for (const auto& candidate : names_.apexes) {
            if (is_below(name, candidate)) apex = std::max(apex, candidate.size());
        }
        if (apex == 0) return id;
        for (std::size_t at = 1U + name[0]; name.size() - at > apex; at += 1U + name[at]) {
            builder_.node(name.subspan(at));
        }
        return id;
    }

    static bool is_below(Name name, Name apex) {
        for (std::size_t at = 0; at < name.size(); at += 1U + name[at]) {
            if (name.size() - at != apex.size()) continue;
            return std::equal(apex.begin(), apex.end(),
                              name.begin() + static_cast<std::ptrdiff_t>(at));
        }
        return false;
    }

    void add_service(const NamedService& service) {
        bool first = true;
        for (const std::string& text : service_names(service.name, contents_.domains)) {
            const auto name = wire::to_wire(text);
            if (name.size() < 2) {
                throw conf::Error({{service.where, "service '" + service.name + "': '" + text +
                                                       "' is no domain name (too long?)"}});
            }
            const std::uint32_t id = node_with_ancestors(name);
            if (service.address4) {
                builder_.add(id, wire::type::a, contents_.ttl, service.address4->bytes());
            }
            if (service.address6) {
                builder_.add(id, wire::type::aaaa, contents_.ttl, service.address6->bytes());
            }
            // A service whose families are all switched off still exists: NODATA, not NXDOMAIN.
            if (std::exchange(first, false)) add_reverse(service, id);
        }
    }

    void add_reverse(const NamedService& service, std::uint32_t id) {
        if (service.address4) reverse_.emplace_back(*service.address4, id);
        if (!service.address6) return;
        if (service.address4 && is_mapped(*service.address6, *service.address4)) {
            names_.mapped_reverse = true;
        } else {
            reverse_.emplace_back(*service.address6, id);
        }
    }

    static CompiledNames with_random_key() {
        CompiledNames names;
        names.key = random_hash_key();
        return names;
    }

    static bool is_mapped(const conf::IpAddress& ipv6, const conf::IpAddress& ipv4) {
        return ipv6 == mapped(ipv4);
    }

    void add_record(const WireRecord& record) {
        if (record.owner.size() > 2 && record.owner[0] == 1 && record.owner[1] == '*') {
            names_.wildcards = true;
        }
        builder_.add(node_with_ancestors(record.owner), record.type, record.ttl, record.rdata);
    }

    /// RFC 1034 section 3.6.2: a CNAME stands alone.
    void check_cnames() {
        std::vector<conf::Diagnostic> errors;
        for (const WireRecord& record : contents_.records) {
            if (record.type != wire::type::cname) continue;
            if (builder_.has_only(builder_.node(record.owner), wire::type::cname)) continue;
            errors.push_back({record.where, "'" + wire::to_text(record.owner) +
                                                "' has a CNAME and other data" +
                                                other_place(record)});
        }
        if (!errors.empty()) throw conf::Error(std::move(errors));
    }

    [[nodiscard]] std::string other_place(const WireRecord& cname) const {
        for (const WireRecord& record : contents_.records) {
            if (&record != &cname && record.owner == cname.owner) {
                return ": see " + record.where.to_string();
            }
        }
        for (const NamedService& service : contents_.services) {
            for (const std::string& text : service_names(service.name, contents_.domains)) {
                if (wire::to_wire(text) == cname.owner) return ": see " + service.where.to_string();
            }
        }
        return "";
    }

    /// Gives each apex its SOA and NS (RFC 6303 section 3), last, so that a configured one stays.
    /// @return how many had nothing else.
    std::size_t complete_apexes() {
        std::size_t empty = 0;
        for (const auto& apex : names_.apexes) {
            const std::uint32_t id = builder_.node(apex);
            if (builder_.has_only(id, 0)) ++empty;
            std::vector<std::uint8_t> soa = apex;
            const auto tail = soa_tail(names_.negative_ttl);
            soa.insert(soa.end(), tail.begin(), tail.end());
            builder_.add(id, wire::type::soa, contents_.ttl, soa);
            builder_.add(id, wire::type::ns, contents_.ttl, apex);
        }
        return empty;
    }

    const Contents& contents_;
    CompiledNames names_ = with_random_key();
    Builder builder_{names_.key};
    std::vector<std::pair<conf::IpAddress, std::uint32_t>> reverse_;
};

}  // namespace

HashKey random_hash_key() {
    HashKey key;
    if (::getrandom(&key, sizeof key, 0) != static_cast<ssize_t>(sizeof key)) {
        throw_errno("getrandom");
    }
    return key;
}

std::shared_ptr<const Table> build(const Contents& contents) {
    return std::make_shared<CompiledTable>(Zone{contents}.compile());
}

}  // namespace meshgate::dns::zone
