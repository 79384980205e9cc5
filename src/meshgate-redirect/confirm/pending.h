#pragma once

#include "netfilter/ruleset/installed.h"
#include "netfilter/ruleset/surroundings.h"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

/// An install that is to be confirmed, and what comes back otherwise, as the kernel keeps it.
namespace meshgate::redirect {

/// The dormant table that holds the previous rules of nftables until then. No packet meets it.
inline constexpr const char* previous_table = "meshgate-previous";

/// Its chain that makes it a record: without, it is one in the making.
inline constexpr const char* record_chain = "pending";

struct Pending {
    std::string id;                      ///< 16 hexadecimal digits: in the name of the watcher's socket
    std::chrono::milliseconds until{0};  ///< on CLOCK_BOOTTIME, as is boot_time()
    std::optional<conf::Port> spared;    ///< left out of the inbound capture until then

    /// Zero when the time is over.
    [[nodiscard]] std::chrono::seconds left() const;

    friend bool operator==(const Pending&, const Pending&) = default;
};

/// Goes on while the machine sleeps, and is not set by anybody.
std::chrono::milliseconds boot_time();

/// "confirm:until=4711:id=00112233445566aa:port=22": one word, for a mark; parse_pending() reads it.
std::string pending_word(const Pending& pending);
/// None for anything else: whoever may change rules may have written it.
std::optional<Pending> parse_pending(std::string_view word);

/// What the dormant table says.
struct PendingRecord {
    Pending pending;
    std::optional<netfilter::Installed> previous;  ///< of nftables; none: there was nothing
    netfilter::Surroundings surroundings;          ///< the previous ones
    bool is_whole = true;  ///< else iptables had rules as well, which only the watcher has
};

/// The record as a ruleset of the table `previous_table`, and back.
netfilter::Ruleset record_ruleset(const PendingRecord& record);
netfilter::Ownership record_ownership(const PendingRecord& record);
std::optional<PendingRecord> read_record(const netfilter::Installed& found);

}  // namespace meshgate::redirect
