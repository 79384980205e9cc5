#pragma once

#include "src/common/timer.h"
#include "src/health/liveness.h"
#include "src/health/probe.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace meshgate::health {

/// Checks endpoints again and again, and tells of those that die and come to life. On the thread
/// that runs the context.
class Watcher {
public:
    /// Checks under way at a time; others wait for their turn.
    static constexpr std::size_t probes_max = 256;

    struct Report {
        const Target* target = nullptr;
        bool alive = true;
        bool checked = false;  ///< once at least
        std::string reason;    ///< of the last bad check, while it is dead
    };
    /// The endpoint died, or came to life: as in its report.
    using Changed = std::function<void(const Report&)>;

    /// @param changed  must not call watch() or end the watcher
    Watcher(boost::asio::io_context& context, Changed changed);
    ~Watcher();
    Watcher(const Watcher&) = delete;
    Watcher& operator=(const Watcher&) = delete;

    /// From now on these. What is known of those that were there, with the same check, is kept.
    /// Of two for one endpoint of a service the first counts.
    /// @param is_alive  what one that is new is taken for until its first check
    void watch(std::vector<Target> targets,
               const std::function<bool(const Target&)>& is_alive = [](const Target&) {
                   return true;
               });

    /// In no order that matters, the same each time.
    [[nodiscard]] std::vector<Report> reports() const;
    /// None for one that is not watched.
    [[nodiscard]] std::optional<Report> report(const std::string& service,
                                               const conf::SocketAddress& endpoint) const;

private:
    struct Entry;
    using Key = std::pair<std::string, conf::SocketAddress>;

    void schedule(Entry& entry, Timer::Clock::time_point when);
    void arm();
    void start_due();
    void start(Entry& entry);
    void on_result(Entry& entry, const Result& result);
    [[nodiscard]] Timer::Clock::duration with_jitter(Timer::Clock::duration interval);

    boost::asio::io_context& context_;
    Changed changed_;
    Timer timer_;
    std::minstd_rand random_;
    std::map<Key, std::unique_ptr<Entry>> entries_;
    std::multimap<Timer::Clock::time_point, Entry*> due_;
    std::size_t running_ = 0;
};

}  // namespace meshgate::health
