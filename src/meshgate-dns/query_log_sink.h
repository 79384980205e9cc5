#pragma once

#include "dns/server/query_log.h"

#include <cstddef>
#include <functional>
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

/// What is written of some queries: whole lines.
using QueryLines = std::function<std::string(std::span<const dns::server::LoggedQuery>)>;

/// Writes lines to standard output. @throws std::system_error
std::unique_ptr<QueryLogSink> open_stdout_sink(QueryLines lines);

}  // namespace meshgate::dnsd
