#pragma once

#include "conf/config.h"
#include "dns/feed/polling.h"
#include "src/meshgate-dns/feed_names.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace boost::asio {
class io_context;
}

namespace meshgate::dnsd {

/// A feed, for status and metrics.
struct FeedState {
    std::string name;
    bool ok = false;                    ///< the last look went well
    std::optional<double> age_seconds;  ///< since the last that did; none: none did
    std::uint64_t names = 0;            ///< that it told
    std::uint64_t skipped = 0;          ///< of the last document: KumaDocument::skipped
    std::uint64_t changed = 0, unchanged = 0, failed = 0;  ///< looks
};

/// Follows the feeds of the configuration, each on a thread of its own. Whatever a feed does, what
/// it told last is kept. Control thread.
class Feeds {
public:
    using Clock = std::chrono::steady_clock;

    /// @param changed  called on the context's thread when names() has become another.
    Feeds(boost::asio::io_context& context, std::function<void()> changed);
    ~Feeds();
    Feeds(const Feeds&) = delete;
    Feeds& operator=(const Feeds&) = delete;

    /// Follows these from now on. A feed that has moved keeps its names until it tells others.
    void configure(const conf::Feeds& feeds);
    void stop() noexcept;

    [[nodiscard]] const FeedNames& names() const noexcept { return names_; }
    [[nodiscard]] std::vector<FeedState> states() const;
    /// The feeds that readiness waits for while the table is not complete: their time is not over.
    [[nodiscard]] std::vector<std::string> awaited() const;

private:
    void start();
    void on_look(dns::feed::Look look);
    void on_failure(const std::string& error);
    void on_document(dns::feed::KumaDocument document);

    boost::asio::io_context& context_;
    std::function<void()> changed_;
    std::optional<conf::KumaFeed> kuma_;
    FeedNames names_;
    FeedState state_;
    Clock::time_point since_;                ///< the feed is followed
    std::optional<Clock::time_point> seen_;  ///< the last look that went well
    std::string said_;                       ///< the failure that the log has; empty: none
    std::optional<Clock::time_point> said_at_;
    std::uint64_t follower_ = 0;  ///< number of the thread: what an old one told is not heard
    std::jthread thread_;         ///< the last member: it ends before what it uses
};

}  // namespace meshgate::dnsd
