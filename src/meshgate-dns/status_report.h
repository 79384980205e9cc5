#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace meshgate::dnsd {

/// What the server says of itself: GET /api/v1/status, "meshgate-dns.status/1".
struct StatusReport {
    struct Reload {
        bool ok = true;           ///< the last one
        std::uint64_t count = 0;  ///< since the start, failed ones too
        std::string error;        ///< of the last one, one problem a line; with ok: what it left to
                                  ///< a restart
    };
    struct Upstream {
        std::string address;
        bool up = true;
    };

    struct Feed {
        std::string name;
        bool ok = false;                    ///< the last look went well
        std::optional<double> age_seconds;  ///< since the last that did; none: none did, "null"
    };

    std::string state = "starting";  ///< starting, ready, draining
    std::string version;
    std::int64_t pid = 0;
    double uptime_seconds = 0;
    std::uint64_t names = 0;
    Reload reload;
    std::vector<Upstream> upstreams;
    std::vector<Feed> feeds;
};

std::string to_json(const StatusReport& report);

/// The other way round, for `status` and `reload`. @throws std::runtime_error for any other text.
StatusReport parse_status(std::string_view json);

/// Lines for people.
std::string to_text(const StatusReport& report);

}  // namespace meshgate::dnsd
