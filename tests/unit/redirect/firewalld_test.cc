#include "src/meshgate-redirect/firewalld.h"

#include <doctest/doctest.h>

#include <ostream>
#include <string_view>

using meshgate::redirect::rejects_ipv4_in_ipv6;

TEST_CASE("RFC3964_IPv4 of firewalld.conf is on unless it is switched off") {
    struct Row {
        std::string_view text;
        bool rejects;
    };
    for (const Row& row : {
             Row{"", true},
             Row{"RFC3964_IPv4=yes\n", true},
             Row{"DefaultZone=public\nRFC3964_IPv4=no\n", false},
             Row{"RFC3964_IPv4=no", false},
             Row{"  RFC3964_IPv4 = no \r\nX=1", false},
             Row{"RFC3964_IPv4=false\n", false},
             Row{"#RFC3964_IPv4=no\n", true},
             Row{"RFC3964_IPv4=no\nRFC3964_IPv4=yes\n", true},
             Row{"\n\n=no\n", true},
         }) {
        CAPTURE(row.text);
        CHECK(rejects_ipv4_in_ipv6(row.text) == row.rejects);
    }
}
