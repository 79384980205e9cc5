#pragma once

#include "dns/feed/kuma_document.h"

#include <chrono>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>

namespace meshgate::dns::feed {

struct PollSettings {
    std::string socket;
    std::chrono::milliseconds interval{1000};
    std::chrono::milliseconds first_interval{100};  ///< until the first document
    std::chrono::milliseconds patience{5000};       ///< for one response
};

/// What came of one look.
struct Look {
    std::optional<KumaDocument> document;  ///< when it is another than before
    std::string error;                     ///< why nothing is known; empty: all is as told last
    std::string socket;                    ///< who was asked
};

/// Looks at once and then every interval until a stop is requested, on the calling thread, which
/// is to be one of its own: a document of many megabytes is read and parsed there. Sends the ETag
/// of the last document; after any error it is forgotten, so that the next look brings all of it
/// (told only when it is another).
/// Nothing that the other side does ends it.
void poll_kuma(const PollSettings& settings, const std::stop_token& stop,
               const std::function<void(Look)>& tell);

/// One look without a history. @throws nothing for what the feed does; see Look::error.
Look look_once(const std::string& socket, std::chrono::milliseconds patience);

}  // namespace meshgate::dns::feed
