#include "src/health/watcher.h"

namespace meshgate::health {

using Clock = Timer::Clock;

struct Watcher::Entry {
    Entry(Target its_target, bool is_alive)
        : target(std::move(its_target)),
          liveness(target.check.rise, target.check.fall, is_alive) {}

    [[nodiscard]] Report report() const {
        return {&target, liveness.is_alive(), liveness.is_checked(),
                liveness.is_alive() ? std::string{} : reason};
    }

    Target target;
    Liveness liveness;
    std::string reason{"not checked yet"};
    Clock::time_point started;
    std::unique_ptr<Probe> probe;  ///< under way
    std::optional<std::multimap<Clock::time_point, Entry*>::iterator> place;  ///< among those due
};

Watcher::Watcher(boost::asio::io_context& context, Changed changed)
    : context_(context), changed_(std::move(changed)), timer_(context),
      random_(std::random_device{}()) {}

Watcher::~Watcher() = default;

/// Checks of many endpoints, or by many machines, are not to come together: a tenth more or less.
Clock::duration Watcher::with_jitter(Clock::duration interval) {
    std::uniform_int_distribution<Clock::rep> off{-interval.count() / 10, interval.count() / 10};
    return interval + Clock::duration{off(random_)};
}

void Watcher::schedule(Entry& entry, Clock::time_point when) {
    entry.place = due_.emplace(when, &entry);
}

void Watcher::watch(std::vector<Target> targets,
                    const std::function<bool(const Target&)>& is_alive) {
    auto before = std::exchange(entries_, {});
    const auto now = Clock::now();
    for (auto& target : targets) {
        const Key key{target.service, target.endpoint};
        if (entries_.contains(key)) continue;
        const auto known = before.find(key);
        if (known != before.end() && known->second->target == target) {
            entries_.emplace(key, std::move(known->second));
            before.erase(known);
            continue;
        }
        const bool alive = is_alive(target);
        auto entry = std::make_unique<Entry>(std::move(target), alive);
        std::uniform_int_distribution<Clock::rep> spread{
            0, Clock::duration{entry->target.check.interval}.count() / 4};
        schedule(*entry, now + Clock::duration{spread(random_)});
        entries_.emplace(key, std::move(entry));
    }
    for (const auto& [key, gone] : before) {
        if (gone->place) due_.erase(*gone->place);
        if (gone->probe) --running_;
    }
    arm();
}

void Watcher::arm() {
    if (due_.empty() || running_ >= probes_max) return timer_.cancel();
    timer_.wait_until(due_.begin()->first, [this] { start_due(); });
}

void Watcher::start_due() {
    const auto now = Clock::now();
    while (!due_.empty() && due_.begin()->first <= now && running_ < probes_max) {
        start(*due_.begin()->second);
    }
    arm();
}

void Watcher::start(Entry& entry) {
    due_.erase(*entry.place);
    entry.place.reset();
    entry.started = Clock::now();
    ++running_;
    entry.probe = std::make_unique<Probe>(
        context_, entry.target,
        [this, &entry](const Result& result) { on_result(entry, result); });
}

void Watcher::on_result(Entry& entry, const Result& result) {
    entry.probe.reset();
    --running_;
    const bool changed = entry.liveness.checked(result.good);
    if (!result.good) entry.reason = result.reason;
    schedule(entry, entry.started + with_jitter(entry.target.check.interval));
    arm();
    if (changed) changed_(entry.report());
}

std::vector<Watcher::Report> Watcher::reports() const {
    std::vector<Report> all;
    all.reserve(entries_.size());
    for (const auto& [key, entry] : entries_) all.push_back(entry->report());
    return all;
}

std::optional<Watcher::Report> Watcher::report(const std::string& service,
                                               const conf::SocketAddress& endpoint) const {
    const auto found = entries_.find({service, endpoint});
    if (found == entries_.end()) return std::nullopt;
    return found->second->report();
}

}  // namespace meshgate::health
