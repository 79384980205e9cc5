#include "netfilter/nftnl/events.h"

#include "netfilter/nftnl/kernel_headers.h"
#include "netfilter/nftnl/surroundings.h"

#include <arpa/inet.h>

#include <linux/rtnetlink.h>

#include <libmnl/libmnl.h>

#include <doctest/doctest.h>

#include <array>
#include <ostream>
#include <string>

using namespace meshgate::netfilter;

namespace {

constexpr std::uint32_t somebodys_port = 4711;

class Message {
public:
    Message(int type, std::uint8_t family) {
        auto* header = mnl_nlmsg_put_header(buffer_.data());
        header->nlmsg_type = static_cast<std::uint16_t>(NFNL_SUBSYS_NFTABLES << 8 | type);
        header->nlmsg_pid = somebodys_port;
        auto* generic =
            static_cast<nfgenmsg*>(mnl_nlmsg_put_extra_header(header, sizeof(nfgenmsg)));
        generic->nfgen_family = family;
    }
    Message& text(std::uint16_t type, const char* value) {
        mnl_attr_put_strz(header(), type, value);
        return *this;
    }
    Message& number(std::uint16_t type, std::uint32_t value) {
        mnl_attr_put_u32(header(), type, htonl(value));
        return *this;
    }
    [[nodiscard]] nlmsghdr* header() { return reinterpret_cast<nlmsghdr*>(buffer_.data()); }

private:
    alignas(nlmsghdr) std::array<char, 512> buffer_{};
};

nlmsghdr& end_of_transaction(Message& made) {
    return *made.number(NFTA_GEN_ID, 9)
                .number(NFTA_GEN_PROC_PID, 1234)
                .text(NFTA_GEN_PROC_NAME, "nft")
                .header();
}

template <class Body>
RoutingChange routing(std::uint16_t type, const Body& body) {
    alignas(nlmsghdr) std::array<char, 256> buffer{};
    auto* header = mnl_nlmsg_put_header(buffer.data());
    header->nlmsg_type = type;
    *static_cast<Body*>(mnl_nlmsg_put_extra_header(header, sizeof(Body))) = body;
    RoutingChange change;
    read_routing_message(*header, change);
    return change;
}

}  // namespace

TEST_CASE("a transaction touches ours when one of its messages is about a table of ours") {
    struct Row {
        const char* name;
        int type;
        std::uint8_t family;
        const char* table;
        bool touches, removal;
    };
    for (const auto& row :
         {Row{"our table goes", NFT_MSG_DELTABLE, NFPROTO_INET, "meshgate", true, true},
          Row{"a rule of ours", NFT_MSG_NEWRULE, NFPROTO_INET, "meshgate", true, false},
          Row{"an element of ours", NFT_MSG_DELSETELEM, NFPROTO_INET, "meshgate", true, false},
          Row{"the bridge", NFT_MSG_NEWTABLE, NFPROTO_INET, "meshgate-bridge", true, false},
          Row{"another table", NFT_MSG_DELTABLE, NFPROTO_INET, "filter", false, false},
          Row{"another family", NFT_MSG_DELTABLE, NFPROTO_IPV4, "meshgate", false, false}}) {
        CAPTURE(row.name);
        ChangeReader reader{{"meshgate", "meshgate-bridge"}};
        Message first{row.type, row.family};
        CHECK(!reader.feed(*first.text(1, row.table).header()));
        Message end{NFT_MSG_NEWGEN, NFPROTO_UNSPEC};
        const auto change = reader.feed(end_of_transaction(end));
        REQUIRE(change);
        CHECK(change->touches_ours == row.touches);
        CHECK(change->is_removal == row.removal);
        CHECK(change->program == "nft");
        CHECK(change->pid == 1234);
        CHECK(change->port == somebodys_port);
        // The next transaction is another's.
        Message next{NFT_MSG_NEWGEN, NFPROTO_UNSPEC};
        CHECK(!reader.feed(*next.header())->touches_ours);
    }
}

TEST_CASE("what is not of nf_tables, or has no name, is passed over") {
    ChangeReader reader{{"meshgate"}};
    Message nameless{NFT_MSG_DELTABLE, NFPROTO_INET};
    CHECK(!reader.feed(*nameless.header()));
    Message other{NFT_MSG_DELTABLE, NFPROTO_INET};
    other.text(1, "meshgate").header()->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | NFT_MSG_NEWGEN;
    CHECK(!reader.feed(*other.header()));
    Message end{NFT_MSG_NEWGEN, NFPROTO_UNSPEC};
    CHECK(!reader.feed(end_of_transaction(end))->touches_ours);
}

TEST_CASE("an address or a route of ours that goes is told from others") {
    ifaddrmsg address{};
    address.ifa_family = AF_INET6;
    address.ifa_prefixlen = 128;
    address.ifa_index = loopback_index;
    CHECK(routing(RTM_DELADDR, address).ours_is_gone);
    CHECK(!routing(RTM_NEWADDR, address).ours_is_gone);
    address.ifa_index = loopback_index + 1;
    CHECK(!routing(RTM_DELADDR, address).ours_is_gone);
    rtmsg route{};
    route.rtm_protocol = route_protocol;
    CHECK(routing(RTM_DELROUTE, route).ours_is_gone);
    route.rtm_protocol = RTPROT_STATIC;
    CHECK(!routing(RTM_DELROUTE, route).ours_is_gone);
    CHECK(routing(RTM_DELROUTE, route).anything);
    CHECK(routing(RTM_DELLINK, ifinfomsg{}).links);
}
