#pragma once

#include "dns/zone/build.h"
#include "dns/zone/compiled_table.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

namespace meshgate::dns::zone {

/// Collects names and records in flat arrays, then packs them. A name is called by its number, its
/// node: 0, 1, 2 in the order they came.
class EntryBuilder {
public:
    using Name = std::span<const std::uint8_t>;

    explicit EntryBuilder(const wire::HashKey& key) : key_(key) {}

    /// The node of a name, made when new.
    std::uint32_t node(Name name) {
        const std::uint32_t hash = wire::siphash(key_, name);
        const auto same = [&](std::uint32_t id) {
            const Name other = name_of(id);
            return std::equal(name.begin(), name.end(), other.begin(), other.end());
        };
        if (const auto found = index_.find(hash, same)) return *found;
        const auto id = static_cast<std::uint32_t>(nodes_.size());
        nodes_.push_back({bytes_.size(), static_cast<std::uint8_t>(name.size()), 0, none, none});
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

    /// Who a name belongs to: the first who claims it, 1..255.
    using Owner = std::uint8_t;

    /// False when the name was claimed before, by `owner` too.
    bool claim(std::uint32_t id, Owner owner) {
        if (nodes_[id].owner != 0) return false;
        nodes_[id].owner = owner;
        return true;
    }
    [[nodiscard]] bool belongs_to(std::uint32_t id, Owner owner) const {
        return nodes_[id].owner == owner;
    }
    /// Makes room for so many more names of some 32 bytes with a record each.
    void reserve(std::size_t names) {
        nodes_.reserve(nodes_.size() + names);
        rows_.reserve(rows_.size() + names);
        bytes_.reserve(bytes_.size() + names * 32);
        index_.reserve(nodes_.size() + names);
    }

    [[nodiscard]] bool has_data(std::uint32_t id) const { return nodes_[id].first_row != none; }

    /// One record, and no service of that name.
    [[nodiscard]] bool is_lone(std::uint32_t id) const {
        const Node& node = nodes_[id];
        return node.owner == 0 && node.first_row == node.last_row;
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
        index_.shrink_to_fit();
        index_.change_values([&offsets](std::uint32_t id) { return offsets[id]; });
        to.index = std::move(index_);
        return offsets;
    }

private:
    static constexpr std::uint32_t none = std::numeric_limits<std::uint32_t>::max();

    struct Node {
        std::size_t name;
        std::uint8_t name_bytes;
        Owner owner;  ///< 0: nobody
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

    wire::HashKey key_;
    NameIndex index_;
    std::vector<Node> nodes_;
    std::vector<Row> rows_;
    std::vector<std::uint8_t> bytes_;  ///< names and RDATA
};

/// Addresses and the nodes that are their names, the first of an address first.
using ReverseNodes = std::vector<std::pair<conf::IpAddress, std::uint32_t>>;

/// Adds what a source says of a name: its records, and the name of each address.
void add_host(EntryBuilder& builder, const Source& source, std::uint32_t node,
              const HostList::Host& host, CompiledNames& names, ReverseNodes& reverse);

}  // namespace meshgate::dns::zone
