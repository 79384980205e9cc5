#pragma once

#include "dns/server/query_log.h"

#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace meshgate::dnsd {

/// Where the query log is written to.
class QueryLogSink {
public:
    virtual ~QueryLogSink() = default;
    QueryLogSink(const QueryLogSink&) = delete;
    QueryLogSink& operator=(const QueryLogSink&) = delete;

    /// @return how many of them could not be written. May wait for a second.
    virtual std::size_t write(std::span<const dns::server::LoggedQuery> queries) = 0;

protected:
    QueryLogSink() = default;
};

/// Opens what `dns.query_log` names: "journal" (systemd's, by journald's native
/// protocol), "stdout", or a file, which is appended to and made where it is missing (mode 0640).
/// @throws std::system_error naming it.
std::unique_ptr<QueryLogSink> open_query_log_sink(const std::string& where);

}  // namespace meshgate::dnsd
