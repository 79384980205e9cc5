#pragma once

#include "conf/corefile/corefile.h"
#include "conf/corefile/line_reader.h"

namespace meshgate::conf::corefile {

/// The servers of a `forward` or `alternate`: arguments from `first` on, 1 to 15. A file is one of
/// resolv.conf's form, and all of a Corefile's have to be the same, `resolv_conf` (empty as long as
/// there was none).
std::vector<Upstream> read_upstreams(const Line& line, std::size_t first, std::string& resolv_conf,
                                     Problems& problems);

/// "localhost:9153", ":8080" (every address), "[::1]:8181" as what may stand behind a directive;
/// `fallback` when nothing does.
HttpAt read_http_address(const Line& line, std::string_view fallback, Problems& problems);

}  // namespace meshgate::conf::corefile
