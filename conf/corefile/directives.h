#pragma once

#include "conf/corefile/corefile.h"
#include "conf/corefile/line_reader.h"

#include <string_view>

/// One reader for each directive; each leaves what is wrong in `problems`.
namespace meshgate::conf::corefile {

/// What the readers write into.
struct Reading {
    Corefile& file;
    ServerBlock& block;
    std::string& resolv_conf;  ///< empty as long as no upstream is a file
    Problems& problems;
};

/// Finds the reader of a directive. An unknown one, and one of coredns that is not read, is an
/// error.
void read_directive(const Line& line, Reading& reading);

void read_forward(const Line& line, Reading& reading);
void read_alternate(const Line& line, Reading& reading);
void read_template(const Line& line, Reading& reading);
void read_hosts(const Line& line, Reading& reading);
void read_cache(const Line& line, Reading& reading);
void read_bind(const Line& line, Reading& reading);
void read_prometheus(const Line& line, Reading& reading);
void read_errors(const Line& line, Reading& reading);
void read_log(const Line& line, Reading& reading);
void read_reload(const Line& line, Reading& reading);
void read_health(const Line& line, Reading& reading);
void read_ready(const Line& line, Reading& reading);

/// What to do instead of a directive of coredns that is not read; empty for what is none.
std::string_view instead_of(std::string_view directive);

}  // namespace meshgate::conf::corefile
