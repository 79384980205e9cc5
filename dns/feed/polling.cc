#include "dns/feed/polling.h"

#include "dns/feed/http_get.h"
#include "dns/wire/siphash.h"

#include <condition_variable>
#include <exception>
#include <mutex>
#include <new>
#include <stdexcept>
#include <utility>

namespace meshgate::dns::feed {
namespace {

/// Looks, and remembers what it saw.
class Watcher {
public:
    Watcher(std::string socket, std::chrono::milliseconds patience)
        : request_{std::move(socket), "/dns", {}, patience} {}

    Look look(const std::stop_token& stop) {
        Look look;
        look.socket = request_.socket;
        try {
            look.document = ask(stop);
        } catch (const std::bad_alloc&) {
            look.error = "no memory for what it says";
        } catch (const std::exception& error) {
            look.error = error.what();
        }
        if (!look.error.empty()) request_.etag.clear();
        return look;
    }

private:
    /// None: unchanged.
    std::optional<KumaDocument> ask(const std::stop_token& stop) {
        HttpResponse response = get(request_, stop);
        if (response.status == 304 && !request_.etag.empty()) return std::nullopt;
        if (response.status != 200) {
            throw std::runtime_error(request_.socket + ": HTTP status " +
                                     std::to_string(response.status));
        }
        // After an error, and from a server without ETags, the same comes again: no new table.
        const auto hash = wire::siphash64(key_, bytes_of(response.body));
        if (hash == hash_) {
            request_.etag = std::move(response.etag);
            return std::nullopt;
        }
        std::string error;
        auto document = parse_kuma(response.body, error);
        if (!document) throw std::runtime_error(request_.socket + ": " + error);
        request_.etag = std::move(response.etag);
        hash_ = hash;
        return document;
    }

    static std::span<const std::uint8_t> bytes_of(std::string_view text) {
        return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
    }

    HttpGet request_;
    const wire::HashKey key_ = wire::random_hash_key();
    std::optional<std::uint64_t> hash_;  ///< of the last document
};

/// False when a stop was requested before the time was over.
bool wait_for(std::chrono::milliseconds time, const std::stop_token& stop) {
    std::mutex mutex;
    std::condition_variable_any condition;
    std::unique_lock lock{mutex};
    condition.wait_for(lock, stop, time, [] { return false; });
    return !stop.stop_requested();
}

}  // namespace

void poll_kuma(const PollSettings& settings, const std::stop_token& stop,
               const std::function<void(Look)>& tell) {
    Watcher watcher{settings.socket, settings.patience};
    auto interval = settings.first_interval;
    while (!stop.stop_requested()) {
        Look look = watcher.look(stop);
        if (stop.stop_requested()) return;
        if (look.document) interval = settings.interval;
        tell(std::move(look));
        if (!wait_for(interval, stop)) return;
    }
}

Look look_once(const std::string& socket, std::chrono::milliseconds patience) {
    return Watcher{socket, patience}.look({});
}

}  // namespace meshgate::dns::feed
