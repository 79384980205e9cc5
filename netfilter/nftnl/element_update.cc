#include "netfilter/nftnl/element_update.h"

#include "netfilter/nftnl/batch.h"
#include "netfilter/nftnl/elements.h"
#include "netfilter/nftnl/kernel_headers.h"
#include "netfilter/nftnl/maps.h"
#include "netfilter/nftnl/read.h"
#include "netfilter/nftnl/replacement.h"
#include "netfilter/nftnl/request.h"
#include "netfilter/nftnl/sets.h"
#include "netfilter/nftnl/standstill.h"
#include "netfilter/nftnl/table_watch.h"
#include "netfilter/ruleset/print.h"

#include <libmnl/libmnl.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace meshgate::netfilter {

namespace {

/// So many elements are far from filling one message, beyond which some could be lost.
constexpr std::size_t surely_whole = 100;

/// Of a transaction that does not mind what others did before (nf_tables_valid_genid()).
constexpr std::uint32_t any_generation = 0;

template <class Element>
struct Difference {
    std::vector<Element> gone;     ///< not in the new ones
    std::vector<Element> changed;  ///< in both, with another value: the new
    std::vector<Element> added;

    [[nodiscard]] std::size_t size() const { return gone.size() + changed.size() + added.size(); }
    [[nodiscard]] bool empty() const { return size() == 0; }
};

/// @pre both are sorted by key_order
template <class Element>
Difference<Element> difference(std::span<const Element> before, std::span<const Element> after) {
    Difference<Element> found;
    auto old = before.begin();
    for (const auto& one : after) {
        for (; old != before.end() && key_order(*old, one); ++old) found.gone.push_back(*old);
        if (old == before.end() || key_order(one, *old)) {
            found.added.push_back(one);
            continue;
        }
        if (*old != one) found.changed.push_back(one);
        ++old;
    }
    found.gone.insert(found.gone.end(), old, before.end());
    return found;
}

/// The changes of one table, for two transactions.
class Changes {
public:
    explicit Changes(std::string_view table) : table_(table), first_(any_generation) {}

    void add(const std::string& map, const Difference<VipClass>& classes) {
        remove(first_, map, classes.gone);
        replace(map, classes.changed);
        insert(map, classes.added);
        is_empty_ &= classes.empty();
        count_ += classes.size();
    }

    void add(const std::string& map, const Difference<VipSlot>& slots) {
        replace(map, slots.changed);
        insert(map, slots.added);
        remove(second_, map, slots.gone);
        is_empty_ &= slots.changed.empty() && slots.added.empty();
        has_second_ |= !slots.gone.empty();
        count_ += slots.size();
    }

    [[nodiscard]] std::size_t count() const noexcept { return count_; }

    /// @param generation  that they are meant for
    /// @return false when somebody else changed nf_tables since; they can be tried again then.
    [[nodiscard]] bool run(Netlink& netlink, std::uint32_t generation) {
        first_.set_generation(generation);
        if (!is_empty_ && !run(netlink, first_)) return false;
        return !has_second_ || run(netlink, second_);
    }

private:
    static bool run(Netlink& netlink, Batch& batch) {
        const auto refusal = batch.run(netlink);
        if (!refusal) return true;
        if (refusal->error() == ERESTART) return false;
        throw KernelError{*refusal};
    }

    template <class Element, class Build>
    void in_chunks(std::span<const Element> elements, const Build& build) {
        while (!elements.empty()) {
            build(elements.first(std::min(elements.size(), elements_at_once)));
            elements = elements.subspan(std::min(elements.size(), elements_at_once));
        }
    }
    template <class Element>
    void insert(const std::string& map, const std::vector<Element>& elements) {
        in_chunks(std::span<const Element>{elements}, [&](std::span<const Element> chunk) {
            first_.add_elements(*build_elements(table_, map, chunk), subject(map));
        });
    }
    template <class Element>
    void remove(Batch& batch, const std::string& map, const std::vector<Element>& elements) {
        in_chunks(std::span<const Element>{elements}, [&](std::span<const Element> chunk) {
            batch.remove_elements(*build_keys(table_, map, chunk), subject(map));
        });
    }
    /// An element's value cannot be changed: the old goes and the new comes with one generation.
    template <class Element>
    void replace(const std::string& map, const std::vector<Element>& elements) {
        remove(first_, map, elements);
        insert(map, elements);
    }
    static Subject subject(const std::string& map) { return {.kind = "elements of map", .name = map}; }

    std::string_view table_;
    Batch first_;
    Batch second_;
    bool is_empty_ = true;
    bool has_second_ = false;
    std::size_t count_ = 0;
};

template <class Map>
const Map* find(const std::vector<Map>& maps, const std::string& name) {
    const auto found = std::ranges::find(maps, name, &Map::name);
    return found == maps.end() ? nullptr : &*found;
}

template <class Element>
std::span<const Element> view(const std::vector<Element>& elements) {
    return elements;
}

/// What is installed is of the same rules: no map is missing then.
void add_differences(const Ruleset& before, const Ruleset& after, Changes& changes) {
    for (const auto& map : after.class_maps) {
        const auto* old = find(before.class_maps, map.name);
        if (old != nullptr) {
            changes.add(map.name, difference(view(old->elements), view(map.elements)));
        }
    }
    for (const auto& map : after.endpoint_maps) {
        const auto* old = find(before.endpoint_maps, map.name);
        if (old != nullptr) {
            changes.add(map.name, difference(view(old->elements), view(map.elements)));
        }
    }
}

KernelError not_still(std::string_view table) {
    return {"table inet " + std::string{table}, EAGAIN, "the ruleset does not stand still"};
}

/// The element of that key as the kernel has it; none when there is none.
template <class Element, class Read>
std::optional<Element> look_up(Netlink& netlink, std::string_view table, const std::string& map,
                               const Element& key, Read read) {
    Request request{NFT_MSG_GETSETELEM};
    const auto keys = build_keys(table, map, std::span{&key, 1});
    nftnl_set_elems_nlmsg_build_payload(request.get(), keys.get());
    std::optional<Element> found;
    const auto verdict = netlink.ask(*request, [&](const nlmsghdr& message) {
        const auto list = own<NftSet>(nftnl_set_alloc());
        if (nftnl_set_elems_nlmsg_parse(&message, list.get()) < 0) return;
        const auto iterator = own<NftSetElemIter>(nftnl_set_elems_iter_create(list.get()));
        while (auto* element = nftnl_set_elems_iter_next(iterator.get())) {
            found = read(*element, key.address.family());
        }
    });
    if (verdict.error == 0 || verdict.error == ENOENT) return found;
    throw KernelError{"element of map " + map, verdict.error, verdict.text};
}

void add_update(Netlink& netlink, std::string_view table, const VipUpdate& update,
                Changes& changes) {
    std::vector<VipClass> classes;
    if (auto one = look_up(netlink, table, update.class_map, update.to_class, to_class)) {
        classes.push_back(std::move(*one));
    }
    std::vector<VipSlot> slots;
    VipSlot key{update.to_class.address, update.to_class.port, 0, update.to_class.address, 0};
    while (auto one = look_up(netlink, table, update.endpoint_map, key, to_slot)) {
        slots.push_back(*one);
        ++key.slot;
    }
    changes.add(update.class_map,
                difference(view(classes), std::span<const VipClass>{&update.to_class, 1}));
    changes.add(update.endpoint_map, difference(view(slots), view(update.slots)));
}

/// What others do to their own tables is waited for, and no reason to read ours again: that takes
/// longer than it does to change something.
/// @return false when ours was changed, or the patience is over
bool run_unless_changed(Netlink& netlink, Changes& changes, TableWatch& watch,
                        Standstill& standstill) {
    do {
        const auto now = last_generation(netlink);
        if (!watch.is_unchanged()) return false;  // it waits for what that is of
        if (changes.run(netlink, now)) return true;
    } while (standstill.wait());
    return false;
}

}  // namespace

void update_maps(Netlink& netlink, const Ruleset& before, const Ruleset& after) {
    Changes changes{after.table};
    add_differences(before, after, changes);
    static_cast<void>(changes.run(netlink, any_generation));
}

bool update_elements(Netlink& netlink, const Ruleset& ruleset, const Ownership& ownership,
                     Held held, const std::optional<Seen>& seen) {
    Standstill standstill;
    do {
        TableWatch watch{netlink, {ruleset.table, bridge_name(ruleset.table)}};
        const auto now = generation(netlink);
        if (presence(netlink, ruleset.table) != TablePresence::active) return false;
        const bool is_held = (table_flags(netlink, ruleset.table) & NFT_TABLE_F_OWNER) != 0;
        if (is_held != (held == Held::yes)) return false;
        std::optional<Installed> read;
        const bool is_known = seen && seen->generation == now &&
                              seen->table.ruleset.table == ruleset.table;
        if (!is_known) read = read_table(netlink, ruleset.table);
        if (!is_known && !read) return false;
        const auto& installed = is_known ? seen->table : *read;
        if (installed.ownership != ownership || !installed.unknown.empty() ||
            digest(installed.ruleset) != ownership.digest) {
            return false;
        }
        Changes changes{ruleset.table};
        add_differences(installed.ruleset, ruleset, changes);
        if (!run_unless_changed(netlink, changes, watch, standstill)) continue;
        if (changes.count() > surely_whole) verify_elements(netlink, ruleset.table, ruleset);
        return true;
    } while (standstill.wait());
    throw not_still(ruleset.table);
}

void verify_elements(Netlink& netlink, std::string_view table, const Ruleset& ruleset) {
    const auto verify = [&](const auto& map) {
        constexpr int most_counts = 3;  // a list may be short while the hash table is enlarged
        std::size_t count = 0;
        for (int number = 0; number < most_counts; ++number) {
            count = count_elements(netlink, table, map.name);
            if (count == map.elements.size()) return;
        }
        throw KernelError{"map " + map.name, EPROTO,
                          "it has " + std::to_string(count) + " elements instead of " +
                              std::to_string(map.elements.size())};
    };
    for (const auto& map : ruleset.class_maps) verify(map);
    for (const auto& map : ruleset.endpoint_maps) verify(map);
}

void update_vips(Netlink& netlink, std::string_view table, std::span<const VipUpdate> updates) {
    Standstill standstill;
    do {
        const auto now = generation(netlink);
        Changes changes{table};
        for (const auto& update : updates) add_update(netlink, table, update, changes);
        if (changes.run(netlink, now)) return;
    } while (standstill.wait());
    throw not_still(table);
}

}  // namespace meshgate::netfilter
