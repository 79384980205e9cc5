#include "dns/zone/build.h"
#include "dns/zone/compiled_table.h"
#include "dns/zone/entry_builder.h"

#include <algorithm>
#include <utility>

namespace meshgate::dns::zone {
namespace {

using Name = std::span<const std::uint8_t>;

bool is_wildcard(Name name) {
    return name.size() > 2 && name[0] == 1 && name[1] == '*';
}

/// Builds the names that stand beside a table.
class Addition {
public:
    explicit Addition(const CompiledTable& base) : base_(base), builder_{base.base()->key} {
        names_.key = base.base()->key;
    }

    /// @pre the base does not know any name of it.
    void add(const Source& source, EntryBuilder::Owner owner) {
        for (std::size_t i = 0; i < source.hosts->size(); ++i) {
            const HostList::Host host = (*source.hosts)[i];
            const std::uint32_t id = node_with_ancestors(host.name);
            const bool is_more = source.merges && builder_.belongs_to(id, owner);
            if (!is_more && (builder_.has_data(id) || !builder_.claim(id, owner))) continue;
            if (is_wildcard(host.name)) {
                names_.wildcards = true;
                if (base_.apex_bytes(host.name) == 0) names_.foreign_wildcards = true;
            }
            add_host(builder_, source, id, host, names_, reverse_);
        }
    }

    CompiledNames compile() && {
        names_.names = builder_.names_with_data();
        const auto offsets = builder_.pack(names_);
        for (const auto& [address, node] : reverse_) names_.reverse.add(address, offsets[node]);
        names_.reverse.finish();
        return std::move(names_);
    }

private:
    /// As for a table that is built whole; what the base has of them, it has.
    std::uint32_t node_with_ancestors(Name name) {
        const std::uint32_t id = builder_.node(name);
        const std::size_t apex = base_.apex_bytes(name);
        if (apex == 0) {
            names_.foreign_names = true;
            return id;
        }
        for (std::size_t at = 1U + name[0]; at < name.size() && name.size() - at > apex;
             at += 1U + name[at]) {
            const Name ancestor = name.subspan(at);
            if (!base_.look_up(ancestor)) builder_.node(ancestor);
        }
        return id;
    }

    const CompiledTable& base_;
    CompiledNames names_;
    EntryBuilder builder_;
    ReverseNodes reverse_;
};

/// Whether a table with `more` behind all it has says the same as one that is built of both.
bool may_be_added(const CompiledTable& table, const Source& more, Position position) {
    for (std::size_t i = 0; i < more.hosts->size(); ++i) {
        const HostList::Host host = (*more.hosts)[i];
        if (table.look_up(host.name)) return false;
        if (position == Position::last) continue;
        const bool has_name = std::any_of(
            host.addresses.begin(), host.addresses.end(),
            [&](const conf::IpAddress& address) { return table.ptr_entry(address).has_value(); });
        if (has_name) return false;
    }
    return true;
}

std::size_t names_of(const std::vector<Source>& sources) {
    std::size_t count = 0;
    for (const Source& source : sources) count += source.hosts->size();
    return count;
}

}  // namespace

std::shared_ptr<const Table> with_more(const std::shared_ptr<const Table>& table,
                                       const Source& more, Position position) {
    const auto* const compiled = dynamic_cast<const CompiledTable*>(table.get());
    if (compiled == nullptr || !may_be_added(*compiled, more, position)) return nullptr;
    auto added = std::make_shared<AddedNames>();
    if (compiled->added() != nullptr) added->sources = compiled->added()->sources;
    added->sources.push_back(more);
    if (names_of(added->sources) > added_names_max) return nullptr;
    const CompiledTable base{compiled->base()};
    Addition addition{base};
    // None has a name of another one: that was looked up when it came.
    for (const Source& source : added->sources) addition.add(source, 1);
    added->names = std::move(addition).compile();
    return std::make_shared<CompiledTable>(compiled->base(), std::move(added));
}

}  // namespace meshgate::dns::zone
