#include "src/meshgate-dns/feeds.h"

#include "src/common/asio.h"
#include "src/common/log.h"
#include "src/meshgate-dns/block_signals.h"

#include <utility>

namespace meshgate::dnsd {
namespace {

constexpr std::chrono::seconds quiet{10};  // between two lines of the log about failures

}  // namespace

Feeds::Feeds(asio::io_context& context, std::function<void()> changed)
    : context_(context), changed_(std::move(changed)) {
    state_.name = "kuma";
}

Feeds::~Feeds() = default;

void Feeds::configure(const conf::Feeds& feeds) {
    if (feeds.kuma == kuma_) return;
    const bool same_place = feeds.kuma && kuma_ && feeds.kuma->socket == kuma_->socket &&
                            feeds.kuma->poll == kuma_->poll;
    kuma_ = feeds.kuma;
    if (same_place) return;
    stop();
    if (!kuma_) {
        names_ = {};
        return;
    }
    start();
}

void Feeds::stop() noexcept {
    thread_ = {};  // asks it to stop, and waits
    ++follower_;
}

void Feeds::start() {
    since_ = Clock::now();
    seen_.reset();
    state_.ok = false;
    said_.clear();
    said_at_.reset();
    dns::feed::PollSettings settings;
    settings.socket = kuma_->socket;
    settings.interval = std::chrono::seconds{kuma_->poll};
    const BlockSignals block;
    thread_ = std::jthread([this, settings, me = follower_](const std::stop_token& stop) {
        dns::feed::poll_kuma(settings, stop, [this, me](dns::feed::Look look) {
            asio::post(context_, [this, me, told = std::move(look)]() mutable {
                if (me == follower_) on_look(std::move(told));
            });
        });
    });
}

void Feeds::on_look(dns::feed::Look look) {
    if (!look.error.empty()) return on_failure(look.error);
    state_.ok = true;
    seen_ = Clock::now();
    if (!said_.empty()) log::notice("feed kuma: it answers again");
    said_.clear();
    if (!look.document) {
        ++state_.unchanged;
        return;
    }
    on_document(std::move(*look.document));
}

void Feeds::on_failure(const std::string& error) {
    state_.ok = false;
    ++state_.failed;
    const auto now = Clock::now();
    if (error == said_ || (said_at_ && now - *said_at_ < quiet)) return;
    said_ = error;
    said_at_ = now;
    log::warning("feed kuma: " + error +
                 (names_.kuma ? "; the names it told last are kept" : "; no names from it yet"));
}

void Feeds::on_document(dns::feed::KumaDocument document) {
    ++state_.changed;
    state_.names = document.hosts->size();
    if (document.skipped > 0 && document.skipped != state_.skipped) {
        log::warning("feed kuma: " + std::to_string(document.skipped) +
                     " names or addresses that are none, the first '" + document.first_skipped +
                     "'");
    }
    state_.skipped = document.skipped;
    const std::string what = "feed kuma: " + std::to_string(state_.names) + " names";
    names_.kuma ? log::info(what) : log::notice(what);
    names_.kuma = std::make_shared<const dns::feed::KumaDocument>(std::move(document));
    changed_();
}

std::vector<FeedState> Feeds::states() const {
    if (!kuma_) return {};
    FeedState state = state_;
    if (seen_) {
        state.age_seconds = std::chrono::duration<double>(Clock::now() - *seen_).count();
    }
    return {state};
}

std::vector<std::string> Feeds::awaited() const {
    const bool waits = kuma_ && Clock::now() - since_ < std::chrono::seconds{kuma_->wait};
    return waits ? std::vector<std::string>{"feed kuma"} : std::vector<std::string>{};
}

}  // namespace meshgate::dnsd
