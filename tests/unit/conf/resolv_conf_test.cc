#include "conf/resolv_conf.h"

#include <doctest/doctest.h>

#include <ostream>
#include <system_error>

using namespace meshgate::conf;

namespace {

std::string servers_of(const char* text) {
    std::string all;
    for (const auto& server : parse_resolv_conf(text)) all += server.to_string() + " ";
    return all;
}

}  // namespace

TEST_CASE("resolv.conf gives its name servers in order, and nothing else matters") {
    struct Row {
        const char *what, *text, *expected;
    };
    for (const Row& row :
         {Row{"the usual",
              "search a b\nnameserver 9.9.9.9\nnameserver 2620:fe::fe\noptions edns0\n",
              "9.9.9.9:53 [2620:fe::fe]:53 "},
          Row{"more than glibc's three",
              "nameserver 1.1.1.1\nnameserver 1.1.1.2\nnameserver 1.1.1.3\n"
              "nameserver 1.1.1.4\n",
              "1.1.1.1:53 1.1.1.2:53 1.1.1.3:53 1.1.1.4:53 "},
          Row{"a scope", "nameserver fe80::1%eth0\n", "[fe80::1%eth0]:53 "},
          Row{"tabs, blanks, CRLF, no last newline", "nameserver\t 9.9.9.9 \r\nnameserver 1.1.1.1",
              "9.9.9.9:53 1.1.1.1:53 "},
          Row{"comments in the first column", "#nameserver 1.1.1.1\n;nameserver 1.1.1.1\n", ""},
          Row{"a comment after the address", "nameserver 9.9.9.9 # quad nine\n", "9.9.9.9:53 "},
          Row{"other words", "nameservers 1.1.1.1\nNAMESERVER 1.1.1.1\nnameserver\nnameserver x\n",
              ""},
          Row{"a port is none of this file's", "nameserver 1.1.1.1:5353\n", ""},
          Row{"empty", "", ""}}) {
        CAPTURE(row.what);
        CHECK(servers_of(row.text) == row.expected);
    }
}

TEST_CASE("a resolv.conf that cannot be read is an error of the system") {
    CHECK_THROWS_AS(read_resolv_conf("/nowhere/resolv.conf"), std::system_error);
}

TEST_CASE("trap 28: of search and domain lines the last counts") {
    struct Row {
        const char* what;
        std::string text;
        std::vector<std::string> domains;
    };
    const Row rows[] = {
        {"none", "nameserver 192.0.2.1\n", {}},
        {"several, in any case",
         "search Corp.Example. b.example\tc\n",
         {"corp.example", "b.example", "c"}},
        {"domain", "domain a.example\n", {"a.example"}},
        {"the last of both", "search a b\ndomain c\nsearch d\n", {"d"}},
        {"an empty one takes all away", "search a\nsearch\n", {}},
        {"comments are none", "# search a\n;search b\n", {}},
        {"the root and what is no name", "search . a..b ok\n", {"ok"}},
    };
    for (const Row& row : rows) {
        CAPTURE(row.what);
        CHECK(parse_search(row.text) == row.domains);
    }
    std::string many = "search";
    for (int i = 0; i < 100; ++i) many += " d" + std::to_string(i);
    CHECK(parse_search(many).size() == search_domains_max);
}
