#include "src/meshgate-redirect/confirm/watch.h"

#include "src/common/errors.h"
#include "src/common/log.h"
#include "src/meshgate-redirect/capture.h"
#include "src/meshgate-redirect/confirm/watcher_client.h"
#include "src/meshgate-redirect/guard/backoff.h"
#include "src/meshgate-redirect/guard/pause.h"
#include "src/meshgate-redirect/turn.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <syslog.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <ctime>
#include <exception>
#include <thread>
#include <vector>

namespace meshgate::redirect {
namespace {

using namespace std::chrono_literals;

constexpr int installer_fd = 3;
constexpr auto request_patience = 500ms;
constexpr auto after_sigterm = 60s;  // SIGKILL may follow 90 s after it
constexpr int put_back_attempts = 60;
constexpr auto longest_pause = 1s;

/// The terminal, if there still is one, and the journal.
void say(log::Level level, const std::string& text) noexcept {
    log::write(level, text);
    ::syslog(LOG_DAEMON | static_cast<int>(level), "%s", text.c_str());
}

/// Nothing of the session that began it: no descriptor keeps an `ssh host ...` from ending, no
/// folder a file system from being unmounted, and no signal of a terminal ends it.
void leave_session(int installer) {
    if (installer != installer_fd) ::dup2(installer, installer_fd);
    ::close_range(installer_fd + 1, ~0U, 0);
    ::fcntl(installer_fd, F_SETFD, FD_CLOEXEC);
    const int nothing = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    ::dup2(nothing, STDIN_FILENO);
    ::dup2(nothing, STDOUT_FILENO);
    if (::isatty(STDERR_FILENO) == 0) ::dup2(nothing, STDERR_FILENO);
    ::close(nothing);
    if (::chdir("/") != 0) throw_errno("chdir /");
    for (const int ignored :
         {SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGTTOU, SIGTSTP, SIGUSR1, SIGUSR2}) {
        std::signal(ignored, SIG_IGN);
    }
    ::prctl(PR_SET_NAME, "meshgate-confirm");
    // Short of memory, the kernel is to choose another: it is small, and brings a machine back.
    if (const int score = ::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC); score >= 0) {
        [[maybe_unused]] const auto written = ::write(score, "-900", 4);
        ::close(score);
    }
}

UniqueFd sigterm_as_descriptor() {
    sigset_t wanted;
    ::sigemptyset(&wanted);
    ::sigaddset(&wanted, SIGTERM);
    ::sigprocmask(SIG_BLOCK, &wanted, nullptr);
    UniqueFd fd{::signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK)};
    if (!fd) throw_errno("signalfd");
    return fd;
}

class Watch {
public:
    Watch(const conf::Redirect& wanted, Pending pending, UniqueFd& installer)
        : pending_(std::move(pending)), sigterm_(sigterm_as_descriptor()),
          timer_(::timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK)),
          listener_(listen_abstract(watcher_socket(pending_.id))), installer_(installer),
          capture_(wanted), before_(capture_.keep()) {
        if (!timer_) throw_errno("timerfd");
        set_timer();
        record();
        write_line(installer_.get(), words::armed);
    }

    /// Whatever goes wrong here ends with the previous state.
    void run() {
        while (!ended_) {
            try {
                wait_and_act();
            } catch (const std::exception& error) {
                put_back(error.what());
            }
        }
    }

private:
    void wait_and_act() {
        std::array<pollfd, 4> ready{{{installer_.get(), POLLIN, 0},
                                     {listener_.get(), POLLIN, 0},
                                     {sigterm_.get(), POLLIN, 0},
                                     {timer_.get(), POLLIN, 0}}};
        if (::poll(ready.data(), ready.size(), -1) < 0) return;
        // What somebody says counts before the time.
        if (ready[0].revents != 0) hear_installer();
        if (!ended_ && ready[1].revents != 0) answer();
        if (!ended_ && !undoing_.empty()) put_back("as asked for");
        if (!ended_ && ready[2].revents != 0) shorten();
        if (!ended_ && ready[3].revents != 0) put_back("not confirmed in time");
    }

    void record() {
        try {
            capture_.record({.pending = pending_,
                             .previous = before_.in_nftables.table,
                             .surroundings = before_.surroundings,
                             .is_whole = before_.in_iptables.empty()});
        } catch (const std::exception&) {
            capture_.forget_record();  // it may be there all the same
            throw;
        }
    }

    void set_timer() {
        const auto count = pending_.until.count();
        const itimerspec when{.it_interval = {},
                              .it_value = {count / 1000, count % 1000 * 1'000'000}};
        if (::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &when, nullptr) != 0) {
            throw_errno("timerfd");
        }
    }

    void shorten() {
        signalfd_siginfo ignored{};
        [[maybe_unused]] const auto heard = ::read(sigterm_.get(), &ignored, sizeof ignored);
        pending_.until = std::min<std::chrono::milliseconds>(pending_.until,
                                                             boot_time() + after_sigterm);
        set_timer();
    }

    void hear_installer() {
        const auto line = read_line(installer_.get(), request_patience);
        if (line == words::changed) {
            installer_.reset();
        } else if (line == words::call_off) {
            end(installer_.get(), call_off());
        } else {
            put_back("the install was interrupted");
        }
    }

    void answer() {
        UniqueFd peer{::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC)};
        if (!peer || !peer_is_trusted(peer.get())) return;
        const auto word = read_line(peer.get(), request_patience);
        if (word == words::status) {
            write_line(peer.get(), pending_word(pending_));
        } else if (word == words::end) {
            is_dismissed_ = ended_ = true;
            end(peer.get(), true);
        } else if (word == words::undo) {
            undoing_.push_back(std::move(peer));
        }
    }

    /// Who reads the answer finds nobody here any more.
    void end(int peer, bool went_well) {
        listener_.reset();
        write_line(peer, went_well ? words::done : "it did not go");
    }

    /// Somebody else may have had the turn for which we have just waited, and said so.
    bool was_dismissed() {
        pollfd asked{.fd = listener_.get(), .events = POLLIN, .revents = 0};
        while (!is_dismissed_ && ::poll(&asked, 1, 0) > 0) answer();
        return is_dismissed_;
    }

    void put_back(const std::string& why) {
        const bool is_done = persist(why, [this] {
            if (was_dismissed()) return;
            GuardPause pause{"the end of an install that was not confirmed"};
            const Turn turn;
            if (was_dismissed()) return;
            capture_.put_back(before_);
            capture_.forget_record();
            pause.end({.what = PauseOutcome::What::put_back, .orders = {}});
        });
        const bool is_back = is_done && !is_dismissed_;
        if (is_back) say(log::Level::warning, why + ": the previous state is back");
        for (const auto& peer : undoing_) end(peer.get(), is_back);
    }

    /// The install says that it failed. It may have come into force all the same: an answer of the
    /// kernel was lost. The guard has let go of the rules for the installer, who waits for us.
    bool call_off() {
        return persist("the install failed", [this] {
            capture_.put_back(before_);
            capture_.forget_record();
        });
    }

    /// Until it goes, for some minutes.
    template <class PutBack>
    bool persist(const std::string& why, PutBack put_it_back) {
        ended_ = true;
        std::string said;
        Retry retry;
        for (int attempt = 1;; ++attempt) {
            try {
                put_it_back();
                return true;
            } catch (const std::exception& error) {
                if (said != error.what()) {
                    say(log::Level::error, why + ", and putting the previous state back failed: " +
                                               error.what() + "; it is tried again");
                }
                said = error.what();
            }
            if (attempt == put_back_attempts) break;
            std::this_thread::sleep_for(std::min<Retry::Clock::duration>(retry.next(), longest_pause));
        }
        say(log::Level::error, "the previous state could not be put back (" + said +
                                   "): confirm --undo tries it again; else install what shall be "
                                   "there, or uninstall");
        return false;
    }

    Pending pending_;
    UniqueFd sigterm_, timer_, listener_;
    UniqueFd& installer_;
    Capture capture_;
    Before before_;
    std::vector<UniqueFd> undoing_;  ///< who asked for it
    bool ended_ = false;
    bool is_dismissed_ = false;      ///< what is there is what somebody wants
};

}  // namespace

void watch_and_exit(const conf::Redirect& wanted, const Pending& pending, int installer) noexcept {
    UniqueFd its_end{installer_fd};  // open until what went wrong is told
    try {
        leave_session(installer);
        Watch{wanted, pending, its_end}.run();
    } catch (const std::exception& error) {
        write_line(installer_fd, error.what());
        ::_exit(1);
    }
    ::_exit(0);
}

}  // namespace meshgate::redirect
