#include "netfilter/nftnl/replacement.h"

#include "netfilter/nftnl/batch.h"
#include "netfilter/nftnl/counters.h"
#include "netfilter/nftnl/element_update.h"
#include "netfilter/nftnl/filling.h"
#include "netfilter/nftnl/handles.h"
#include "netfilter/nftnl/kernel_headers.h"
#include "netfilter/nftnl/messages.h"
#include "netfilter/nftnl/read.h"
#include "netfilter/nftnl/sets.h"
#include "netfilter/nftnl/standstill.h"
#include "netfilter/nftnl/table_state.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <exception>
#include <optional>
#include <set>
#include <string>
#include <utility>

namespace meshgate::netfilter {

namespace {

/// An attempt may take long: it makes the messages of all elements.
constexpr std::chrono::seconds replacement_patience{30};

/// Somebody changed nf_tables since we looked.
struct Overtaken {};

void run(Netlink& netlink, Batch& batch) {
    auto refusal = batch.run(netlink);
    if (!refusal) return;
    if (refusal->error() == ERESTART) throw Overtaken{};
    throw KernelError{*std::move(refusal)};
}

class Replacement {
public:
    Replacement(Netlink& netlink, const Ruleset& ruleset, const Ownership& ownership,
                const std::function<void()>& before_first, Held held)
        : netlink_(netlink), ruleset_(ruleset), ownership_(ownership), before_first_(before_first),
          held_(held),
          table_(ruleset.table), bridge_(bridge_name(table_)) {
        if (has_many_elements(ruleset)) bare_ = with_few_elements(ruleset, 0);
    }

    void run_once() {
        refuse_if_held();
        if (presence(netlink_, table_) == TablePresence::active) {
            if (const auto old = ask_for_table(netlink_, table_)) old_handle_ = handle_of(*old);
            prepare(bridge_, table_);
            hand_over(table_, bridge_);
        }
        prepare(table_, bridge_);
        const bool first = presence(netlink_, bridge_) != TablePresence::active;
        if (first && before_first_) before_first_();
        hand_over(bridge_, table_);
        is_in_force_ = true;
        finish();
    }

    /// After an error: has the old table serve again if it is there, or else the new one, and takes
    /// away what does not serve. It would take as much memory as the rules in force, until somebody
    /// installs again.
    void clean_up() noexcept {
        try {
            Standstill standstill{std::chrono::seconds{2}};
            while (!clean_up_once() && standstill.wait()) {}
        } catch (const std::exception&) {
            // What went wrong before is what there is to tell.
        }
    }

    /// The new table serves: only the bridge may be left, to be taken away.
    [[nodiscard]] bool is_in_force() const noexcept { return is_in_force_; }

    void finish() {
        Batch batch{generation(netlink_)};
        // Else the other tables are of somebody who replaces ours already.
        if (presence(netlink_, bridge_) != TablePresence::dormant ||
            presence(netlink_, table_) != TablePresence::active) {
            return;
        }
        const auto counted = read_counters_of(netlink_, bridge_);
        append_earlier_counts(batch, table_, counted);
        append_removal(batch, bridge_);
        run(netlink_, batch);
    }

private:
    /// @return false when somebody changed nf_tables meanwhile
    bool clean_up_once() {
        try {
            if (is_in_force_) {
                finish();
                return true;
            }
            if (goes_on()) return true;
            take_back();
            for (const auto& name : made_) discard(name);
            return true;
        } catch (const Overtaken&) {
            return false;
        }
    }

    /// The old table went when the new one came, which only sleeps: without it, the bridge would be
    /// all there is.
    /// @return false when there is no such table, whole, or it cannot be woken
    bool goes_on() {
        if (!is_new_asleep() || presence(netlink_, bridge_) != TablePresence::active) return false;
        try {
            verify_elements(netlink_, table_, ruleset_);
            hand_over(bridge_, table_);
        } catch (const KernelError&) {
            return false;
        }
        is_in_force_ = true;
        finish();
        return true;
    }

    /// The answer to who made it may have been lost.
    bool is_new_asleep() {
        const auto found = ask_for_table(netlink_, table_);
        if (!found || (old_handle_ && handle_of(*found) == *old_handle_)) return false;
        const auto mark = ownership_of(*found);
        return mark && mark->digest == ownership_.digest &&
               presence(netlink_, table_) == TablePresence::dormant;
    }

    void take_back() {
        Batch batch{generation(netlink_)};
        const auto old = ask_for_table(netlink_, table_);
        if (!old || !old_handle_ || handle_of(*old) != *old_handle_) return;
        if (presence(netlink_, table_) != TablePresence::dormant) return;
        append_waking(batch, table_, nftnl_table_get_u32(old.get(), NFTNL_TABLE_FLAGS));
        if (presence(netlink_, bridge_) != TablePresence::absent) append_removal(batch, bridge_);
        run(netlink_, batch);
    }

    void discard(const std::string& name) {
        Batch batch{generation(netlink_)};
        if (presence(netlink_, name) != TablePresence::dormant) return;
        append_removal(batch, name);
        run(netlink_, batch);
    }

    static std::uint64_t handle_of(const nftnl_table& table) {
        return nftnl_table_get_u64(&table, NFTNL_TABLE_HANDLE);
    }

    /// Before a bridge is made in vain, which its holder would take for damage.
    void refuse_if_held() {
        const auto owner = table_owner(netlink_, table_);
        if (owner != 0 && owner != netlink_.port()) {
            throw KernelError{"table inet " + table_, EPERM, "somebody else holds it"};
        }
    }

    /// Makes the table `name`, dormant. What is there of that name does not serve: `serving` does,
    /// or nothing.
    void prepare(const std::string& name, const std::string& serving) {
        made_.insert(name);  // the answer may be lost
        std::optional<Base> base;
        std::optional<Batch> batch;
        Standstill standstill{replacement_patience};
        for (;;) {
            const auto now = generation(netlink_);
            auto found = look_at(name, serving);
            // With many elements it takes longer than others take to change something of theirs.
            if (!base || *base != found) {
                base = std::move(found);
                batch.emplace(now);
                append_new(*batch, name, *base);
            }
            batch->set_generation(now);
            const auto refusal = batch->run(netlink_);
            if (!refusal) break;
            if (refusal->error() != ERESTART) throw KernelError{*refusal};
            if (!standstill.wait()) throw Overtaken{};
        }
        if (bare_) fill_maps(netlink_, name, ruleset_);  // it sleeps
        verify_elements(netlink_, name, ruleset_);
    }

    /// What a new table is made upon.
    struct Base {
        bool is_there = false;
        Counters counted;

        friend bool operator==(const Base&, const Base&) = default;
    };

    Base look_at(const std::string& name, const std::string& serving) {
        const auto before = presence(netlink_, name);
        if (before == TablePresence::active &&
            presence(netlink_, serving) != TablePresence::active) {
            throw Overtaken{};
        }
        // It sleeps, if it is there, and its counts stand still. A bridge of somebody who was
        // killed has some too, which no table has been given.
        const bool is_there = before != TablePresence::absent;
        return {is_there, !is_there && name == table_ ? counted_ : read_counters_of(netlink_, name)};
    }

    void append_new(Batch& batch, const std::string& name, const Base& base) {
        // Not by the usual "add, delete, add": a table that is made and deleted in one transaction
        // shows up, empty, until the commit (nft_deactivate_next() of a new object).
        if (base.is_there) append_removal(batch, name);
        append_ruleset(batch, bare_ ? *bare_ : ruleset_,
                       {.table = name,
                        .state = TableState::dormant,
                        .held = held_of(name),
                        .ownership = &ownership_,
                        .counted = &base.counted});
    }

    void hand_over(const std::string& from, const std::string& to) {
        Batch batch{generation(netlink_)};
        if (presence(netlink_, to) != TablePresence::dormant) throw Overtaken{};
        append_waking(batch, to, held_of(to));
        append_rest(batch, from);
        run(netlink_, batch);
    }

    /// Has `name` do nothing any more. One that has an owner, us, cannot be put to sleep: it goes at
    /// once, and what it counted since it was read is lost.
    void append_rest(Batch& batch, const std::string& name) {
        if (presence(netlink_, name) != TablePresence::active) return;
        const auto flags = table_flags(netlink_, name);
        if ((flags & NFT_TABLE_F_OWNER) == 0) return append_sleep(batch, name, flags);
        counted_ = read_counters_of(netlink_, name);
        append_removal(batch, name);
    }

    /// The bridge is of the moment only.
    [[nodiscard]] Held held_of(const std::string& name) const {
        return name == table_ ? held_ : Held::no;
    }

    Netlink& netlink_;
    const Ruleset& ruleset_;
    std::optional<Ruleset> bare_;  ///< when its elements are too many for one transaction
    const Ownership& ownership_;
    const std::function<void()>& before_first_;
    Held held_;
    std::string table_;
    std::string bridge_;
    Counters counted_;  ///< of a table that went at once
    std::optional<std::uint64_t> old_handle_;  ///< of the table that a bridge was made for
    std::set<std::string> made_;               ///< or asked for
    bool is_in_force_ = false;
};

}  // namespace

std::string bridge_name(std::string_view table) {
    return std::string{table} + "-bridge";
}

void replace_table(Netlink& netlink, const Ruleset& ruleset, const Ownership& ownership,
                   const std::function<void()>& before_first, Held held) {
    Replacement replacement{netlink, ruleset, ownership, before_first, held};
    Standstill standstill{replacement_patience};
    do {
        try {
            if (replacement.is_in_force()) {
                replacement.finish();
            } else {
                replacement.run_once();
            }
            return;
        } catch (const Overtaken&) {
        } catch (const std::exception&) {
            replacement.clean_up();
            throw;
        }
    } while (standstill.wait());
    replacement.clean_up();
    throw KernelError{"table inet " + ruleset.table, EAGAIN, "the ruleset does not stand still"};
}

}  // namespace meshgate::netfilter
