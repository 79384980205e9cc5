#pragma once

#include "src/common/unique_fd.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

struct nlmsghdr;

/// What the kernel tells of changes that anybody makes in this network namespace.
namespace meshgate::netfilter {

/// A transaction that is in force, and whose it was (NFT_MSG_NEWGEN).
struct RulesetChange {
    bool touches_ours = false;  ///< something in one of the tables that are watched
    bool is_removal = false;    ///< one of those tables is gone
    bool is_lost = false;       ///< events were lost: nothing is known of it but that it was
    std::string program{};      ///< "nft", "firewalld"; may be of whoever's choosing
    std::uint32_t pid = 0;      ///< as the kernel counts, whatever PID namespace
    std::uint32_t port = 0;     ///< netlink port of the socket that it came by
};

/// Makes transactions of messages. What it is fed may be anything.
class ChangeReader {
public:
    /// @param tables  of family inet
    explicit ChangeReader(std::vector<std::string> tables) : tables_(std::move(tables)) {}

    /// @return the change, when this message ends one.
    std::optional<RulesetChange> feed(const nlmsghdr& message);

private:
    std::vector<std::string> tables_;
    RulesetChange change_;
};

/// A socket that hears of every transaction (NFNLGRP_NFTABLES). Reading needs no privilege.
class RulesetEvents {
public:
    /// @throws std::system_error
    explicit RulesetEvents(std::vector<std::string> tables);
    [[nodiscard]] int fd() const noexcept { return fd_.get(); }

    /// All that was told since the last call, in order; at most some hundred at a time.
    std::vector<RulesetChange> take();

private:
    UniqueFd fd_;
    ChangeReader reader_;
    std::vector<std::byte> buffer_;
};

/// Links, addresses and routes (rtnetlink(7)).
struct RoutingChange {
    bool anything = false;
    bool links = false;         ///< an interface came, went or changed
    bool ours_is_gone = false;  ///< an address or a route of ours was removed, or lo went down
    bool is_lost = false;       ///< events were lost: any of it may be so
};

/// Adds what a message says to what is known.
void read_routing_message(const nlmsghdr& message, RoutingChange& to);

class RoutingEvents {
public:
    /// @throws std::system_error
    RoutingEvents();
    [[nodiscard]] int fd() const noexcept { return fd_.get(); }
    RoutingChange take();

private:
    UniqueFd fd_;
    std::vector<std::byte> buffer_;
};

}  // namespace meshgate::netfilter
