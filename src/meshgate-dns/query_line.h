#pragma once

#include "dns/server/query_log.h"

#include <string>

/// A query of the log in words. Names and addresses come from the network: nothing in them can end
/// a line, a string or a field.
namespace meshgate::dnsd {

/// A line of JSON, its end included: {"time":"2026-01-31T12:00:00.000001Z","client":"127.0.0.1",
/// "port":40000,"proto":"udp","name":"www.example","type":"A","class":"IN","rcode":"NOERROR",
/// "source":"cache","bytes":45,"microseconds":12}. Bytes of a name that are no letter, digit, '-'
/// or '_' are written as \DDD (RFC 4343 section 2.1); a query whose name could not be read has
/// null there, and no type and class.
std::string to_json_line(const dns::server::LoggedQuery& query);

/// The same as the fields of a journal entry, systemd's native protocol: MESSAGE for people, and
/// MESHGATE_NAME, MESHGATE_CLIENT and so on for `journalctl MESHGATE_NAME=www.example`.
std::string to_journal_entry(const dns::server::LoggedQuery& query);

}  // namespace meshgate::dnsd
