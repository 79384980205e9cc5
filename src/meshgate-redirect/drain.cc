#include "src/meshgate-redirect/drain.h"

#include "netfilter/conntrack/judgement.h"
#include "netfilter/nftnl/kernel.h"
#include "netfilter/ruleset/print.h"
#include "src/common/errors.h"
#include "src/common/log.h"
#include "src/common/unique_fd.h"
#include "src/meshgate-redirect/connections.h"
#include "src/meshgate-redirect/confirm/watcher_client.h"
#include "src/meshgate-redirect/turn.h"

#include <poll.h>
#include <sys/signalfd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <system_error>

namespace meshgate::redirect {
namespace {

using namespace netfilter;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr const char* older_chain = "older_connections";
constexpr std::string_view comment_start = "draining until ";
/// Of NAT in output where the plan has it: among others' chains an empty one does nothing.
constexpr BaseChain nat_output{ChainType::nat, Hook::output, -105};

std::string in_utc(std::chrono::system_clock::time_point time) {
    const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
    std::tm parts{};
    std::array<char, 32> text{};
    ::gmtime_r(&seconds, &parts);
    std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
    return text.data();
}

bool drops_invalid(const Chain& chain) {
    return chain.base && std::ranges::any_of(chain.rules, [](const Rule& rule) {
               return std::holds_alternative<Drop>(rule.verdict) &&
                      std::ranges::find(rule.matches, Match{MatchInvalid{}}) != rule.matches.end();
           });
}

/// What is to end the wait comes as something to read.
class Signals {
public:
    Signals() {
        sigset_t wanted;
        ::sigemptyset(&wanted);
        for (const int one : {SIGINT, SIGTERM, SIGHUP}) ::sigaddset(&wanted, one);
        ::sigprocmask(SIG_BLOCK, &wanted, &before_);
        fd_ = UniqueFd{::signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK)};
        if (!fd_) throw_errno("signalfd");
    }
    // One that came stays blocked for the rest of this process, which is about to end anyway: the
    // table has to be taken away first.
    ~Signals() = default;
    Signals(const Signals&) = delete;
    Signals& operator=(const Signals&) = delete;

    /// @return true when one came.
    [[nodiscard]] bool wait(std::chrono::milliseconds at_most) const {
        pollfd readable{.fd = fd_.get(), .events = POLLIN, .revents = 0};
        return ::poll(&readable, 1, static_cast<int>(at_most.count())) > 0;
    }

private:
    UniqueFd fd_;
    sigset_t before_{};
};

/// The table of a drain. Whatever happens, it goes.
class DrainingTable {
public:
    DrainingTable(const Ruleset& ruleset, Capture& capture)
        : digest_(netfilter::digest(ruleset)), surroundings_(capture.surroundings()) {
        const Turn turn;
        kernel_.replace(ruleset,
                        {.format = table_format, .version = MESHGATE_VERSION, .digest = digest_});
        capture.remove_from_iptables();
        capture.forget_record();
        Dismissal{}.wait();  // nobody puts back what is being taken away
    }
    DrainingTable(const DrainingTable&) = delete;
    DrainingTable& operator=(const DrainingTable&) = delete;
    ~DrainingTable() {
        try {
            remove();
        } catch (const std::exception& error) {
            log::error(std::string{"ending the drain: "} + error.what());
        }
    }

    /// Nobody installed over it, or removed it.
    bool is_there() {
        const auto installed = kernel_.read(table_name);
        return installed && installed->ownership && installed->ownership->digest == digest_;
    }

    /// @return false when it is not there any more; what is there then stays.
    bool remove() {
        const Turn turn;
        if (!kernel_.remove(table_name, digest_)) return false;
        surroundings_.remove();
        return true;
    }

private:
    Kernel kernel_;
    std::string digest_;
    SurroundingsApplier& surroundings_;
};

enum class End { nothing_left, time_is_over, signal, replaced };

/// Watches the connections that need the table. Asks again and again: events of conntrack are lost
/// under load, and may be switched off (net.netfilter.nf_conntrack_events).
class Watch {
public:
    Watch(DrainingTable& table, std::vector<conf::Port> ports)
        : table_(table), ports_(std::move(ports)) {}

    End run(const Signals& signals, Clock::time_point deadline) {
        for (;;) {
            const auto begun = Clock::now();
            count();
            if (left_ == 0) return End::nothing_left;
            if (!table_.is_there()) return End::replaced;
            const auto now = Clock::now();
            if (now >= deadline) return End::time_is_over;
            // A table of a million connections takes its time: at most a tenth of it is ours.
            const auto pause = std::clamp<Clock::duration>(10 * (now - begun), 100ms, 5s);
            const auto wait = std::min(pause, deadline - now);
            if (signals.wait(std::chrono::ceil<std::chrono::milliseconds>(wait)))
                return End::signal;
        }
    }
    [[nodiscard]] std::size_t left() const { return left_; }

private:
    void count() {
        const auto before = left_;
        left_ = captured_connections(conntrack_, ports_).size();
        if (left_ != before) log::info("draining: " + std::to_string(left_) + " connections");
    }

    DrainingTable& table_;
    std::vector<conf::Port> ports_;
    Conntrack conntrack_;
    std::size_t left_ = 0;
};

void report(End end, std::size_t left, bool flushed) {
    if (end == End::replaced) {
        log::notice("installed or uninstalled by somebody else meanwhile: that stays");
        return;
    }
    if (end != End::nothing_left && !flushed) {
        log::notice(std::string{end == End::signal ? "ended by a signal" : "the time is over"} +
                    ": " + std::to_string(left) + " connections lose their translation");
    }
    log::info("uninstalled");
}

/// Without a look at the connections, there is no more to do than to wait.
End watch_or_wait(Watch& watch, const Signals& signals, Clock::time_point deadline) {
    try {
        return watch.run(signals, deadline);
    } catch (const std::system_error& error) {
        if (!Conntrack::is_missing(error.code().value())) throw;
        log::warning("--drain: this kernel has no ctnetlink (CONFIG_NF_CT_NETLINK), so it takes "
                     "the whole time");
    }
    const auto rest = std::max(deadline - Clock::now(), Clock::duration::zero());
    const bool came = signals.wait(std::chrono::ceil<std::chrono::milliseconds>(rest));
    return came ? End::signal : End::time_is_over;
}

void drain_by(const Ruleset& ruleset, const std::vector<conf::Port>& ports, Capture& capture,
              const Drain& wanted) {
    const auto deadline = Clock::now() + wanted.at_most;
    const Signals signals;
    DrainingTable table{ruleset, capture};
    Watch watch{table, ports};
    End end = wanted.at_most == 0s ? End::time_is_over : watch_or_wait(watch, signals, deadline);
    const bool flush = wanted.flush_connections && end != End::replaced;
    if (flush) flush_captured(ports);
    if (!table.remove()) end = End::replaced;
    report(end, watch.left(), flush || wanted.at_most == 0s);
}

}  // namespace

Ruleset draining_ruleset(const Ruleset& installed, std::chrono::system_clock::time_point until) {
    Ruleset ruleset;
    ruleset.table = installed.table;
    std::ranges::copy_if(installed.chains, std::back_inserter(ruleset.chains), drops_invalid);
    Chain older{older_chain, std::nullopt, {}};
    for (const auto port : redirect_ports(installed)) {
        older.rules.push_back({{MatchL4Proto{{Protocol::tcp, Protocol::udp}}},
                               uncounted,
                               RedirectTo{port},
                               std::string{comment_start} + in_utc(until)});
    }
    ruleset.chains.push_back(std::move(older));
    ruleset.chains.push_back({"draining", nat_output, {}});
    ruleset.counters = used_counters(ruleset.chains);
    return ruleset;
}

std::optional<std::string> draining_line(const Ruleset& installed) {
    const auto older = std::ranges::find(installed.chains, older_chain, &Chain::name);
    if (older == installed.chains.end() || older->base || older->rules.empty()) return std::nullopt;
    const auto& comment = older->rules.front().comment;
    if (!comment.starts_with(comment_start)) return std::nullopt;
    return comment + ": nothing is captured but what was before (uninstall ends it at once)";
}

void drain(Capture& capture, const Drain& wanted) {
    const auto& installed = capture.installed()->ruleset;
    const auto until = std::chrono::system_clock::now() + wanted.at_most;
    const auto ruleset = draining_ruleset(installed, until);
    const auto refusal = capture.lacks_nftables() ? std::nullopt : Kernel{}.trial(ruleset);
    if (refusal && refusal->error() == EPERM) throw KernelError{*refusal};
    if (capture.lacks_nftables() || refusal) {
        log::warning("this kernel's nf_tables cannot keep the translation of connections: "
                     "everything goes at once");
        capture.remove();
        return;
    }
    drain_by(ruleset, redirect_ports(installed), capture, wanted);
}

}  // namespace meshgate::redirect
