#include "src/meshgate-redirect/listeners.h"

#include <doctest/doctest.h>

#include <ostream>
#include <string>
#include <vector>

using namespace meshgate;
using redirect::waiting_ports;
using Ports = std::vector<conf::Port>;

namespace {

const std::string tcp6 = "  sl  local_address                         remote_address               "
                         "         st tx_queue\n"
                         "   0: 00000000000000000000000000000000:3A99 "
                         "00000000000000000000000000000000:0000 0A 00000000\n"
                         "   1: 00000000000000000000000001000000:1F90 "
                         "00000000000000000000000001000000:D431 01 00000000\n";

}  // namespace

TEST_CASE("sockets that wait are found in the kernel's tables") {
    CHECK(waiting_ports(tcp6, conf::Protocol::tcp) == Ports{15001});
    CHECK(waiting_ports("   6: 0100007F:3ACD 00000000:0000 07 00000000:00000000 00:00000000\n"
                        "   7: 0100007F:0035 0100007F:1234 01 00000000:00000000 00:00000000",
                        conf::Protocol::udp) == Ports{15053});
}

TEST_CASE("a table that is none has no sockets") {
    for (const std::string text : {"", "\n\n", "garbage", "a b c 0A", "a :zz c 0A", "a : c 0A",
                                   ":::", "0: 0100007F:FFFFF 0 0A"}) {
        CAPTURE(text);
        CHECK(waiting_ports(text, conf::Protocol::tcp).empty());
    }
}
