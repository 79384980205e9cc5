#include "namespace.h"
#include "rulesets.h"

#include "netfilter/nftnl/handles.h"
#include "netfilter/nftnl/kernel.h"
#include "netfilter/nftnl/kernel_headers.h"
#include "src/common/unique_fd.h"

#include <doctest/doctest.h>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/netlink.h>

#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

using namespace meshgate;
using namespace meshgate::netfilter;
using namespace meshgate::netfilter::test;

namespace {

const Ownership ours{.format = table_format, .version = "0.1.0", .digest = "ab"};

/// Another process that replaces the table, by one ruleset and the other in turn, each time that it
/// is asked to, and ends when this object does.
class Replacer {
public:
    Replacer(const Ruleset& one, const Ruleset& other) {
        int ends[2];
        REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
        UniqueFd requests{ends[0]};
        requests_ = UniqueFd{ends[1]};
        child_ = ::fork();
        REQUIRE(child_ >= 0);
        if (child_ == 0) run(requests.get(), one, other);
    }
    Replacer(const Replacer&) = delete;
    Replacer& operator=(const Replacer&) = delete;
    ~Replacer() {
        requests_.reset();
        ::waitpid(child_, nullptr, 0);
    }

    /// Several in a row, with nothing between them.
    void replace_often(std::size_t times) const {
        const std::string requests(times, '.');
        REQUIRE(::write(requests_.get(), requests.data(), times) == static_cast<ssize_t>(times));
    }
    void replace_once() const { REQUIRE(::write(requests_.get(), "", 1) == 1); }

private:
    [[noreturn]] void run(int requests, const Ruleset& one, const Ruleset& other) {
        requests_.reset();  // or the end of the requests would never come
        Kernel kernel;
        bool turn = false;
        char request = 0;
        while (::read(requests, &request, 1) == 1) {
            turn = !turn;
            kernel.replace(turn ? other : one, ours);
        }
        ::_exit(0);
    }

    UniqueFd requests_;
    pid_t child_ = -1;
};

/// Hears of every change of nf_tables in this namespace.
UniqueFd listen_to_changes() {
    UniqueFd socket{
        ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER)};
    const sockaddr_nl local{.nl_family = AF_NETLINK, .nl_pad = 0, .nl_pid = 0, .nl_groups = 0};
    const int group = NFNLGRP_NFTABLES;
    REQUIRE(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&local), sizeof local) == 0);
    REQUIRE(::setsockopt(socket.get(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) ==
            0);
    return socket;
}

/// The flags of each table that was made.
std::vector<std::uint32_t> flags_of_new_tables(const UniqueFd& socket) {
    std::vector<std::uint32_t> flags;
    std::vector<char> buffer(1 << 16);
    for (ssize_t length = 0;
         (length = ::recv(socket.get(), buffer.data(), buffer.size(), 0)) > 0;) {
        auto rest = static_cast<unsigned>(length);
        for (auto* message = reinterpret_cast<nlmsghdr*>(buffer.data()); NLMSG_OK(message, rest);
             message = NLMSG_NEXT(message, rest)) {
            if (message->nlmsg_type != (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWTABLE)) continue;
            const auto table = own<NftTable>(nftnl_table_alloc());
            REQUIRE(nftnl_table_nlmsg_parse(message, table.get()) == 0);
            flags.push_back(nftnl_table_get_u32(table.get(), NFTNL_TABLE_FLAGS));
        }
    }
    return flags;
}

}  // namespace

TEST_CASE("a table that is being replaced is read as one of its states") {
    enter_fresh_namespace();
    const auto one = every_kind().back().ruleset;
    const auto other = many_ports(300);
    Kernel kernel;
    kernel.replace(one, ours);
    const Replacer replacer{one, other};
    int changes = 0;
    const Ruleset* before = nullptr;
    for (int i = 0; i < 200; ++i) {
        replacer.replace_once();
        const auto installed = kernel.read("meshgate");
        REQUIRE(installed.has_value());
        const auto* now = installed->ruleset == one ? &one : &other;
        CHECK(installed->ruleset == *now);
        CHECK(installed->unknown.size() <= 1);  // "of a replacement that has not ended"
        changes += now != before ? 1 : 0;
        before = now;
    }
    CHECK(changes > 1);
}

TEST_CASE("a table that is replaced without a pause is read, too, and its counters") {
    enter_fresh_namespace();
    const auto one = every_kind().back().ruleset;
    const auto other = many_ports(300);
    Kernel kernel;
    kernel.replace(one, ours);
    const Replacer replacer{one, other};
    for (int i = 0; i < 20; ++i) {
        replacer.replace_often(10);  // more than are done while it is read once
        const auto installed = kernel.read("meshgate");
        REQUIRE(installed.has_value());
        CHECK((installed->ruleset == one || installed->ruleset == other));
        CHECK_NOTHROW(kernel.counters("meshgate"));
    }
}

TEST_CASE("two that replace at the same time take turns, and one of them has the last word") {
    enter_fresh_namespace();
    const auto one = every_kind().back().ruleset;
    const auto other = many_ports(300);
    Kernel kernel;
    kernel.replace(one, ours);
    {
        const Replacer replacer{one, other};
        for (int i = 0; i < 50; ++i) {
            replacer.replace_once();
            kernel.replace(one, ours);
        }
    }
    const auto installed = kernel.read("meshgate");
    REQUIRE(installed.has_value());
    CHECK((installed->ruleset == one || installed->ruleset == other));
    CHECK(installed->unknown.empty());
    CHECK(output_of("nft list tables") == "table inet meshgate\n");
}

TEST_CASE("what a killed replacement left behind is repaired and removed") {
    // The states between its transactions; "B" is the bridge, "T" the table, small ones are
    // dormant.
    const auto ruleset = every_kind().back().ruleset;
    for (const std::string state : {"bT", "B", "Bt"}) {
        for (const bool repair : {true, false}) {
            CAPTURE(state);
            CAPTURE(repair);
            enter_fresh_namespace();
            Kernel kernel;
            for (const char letter : state) {
                auto made = ruleset;
                if (letter == 'b' || letter == 'B') made.table = "meshgate-bridge";
                kernel.replace(made, ours);
                if (letter == 'b' || letter == 't') {
                    output_of("nft 'add table inet " + made.table + " { flags dormant; }'");
                }
            }
            const auto found = kernel.read("meshgate");
            REQUIRE(found.has_value());
            CHECK(found->ruleset == ruleset);
            CHECK(found->unknown.empty() == (state == "bT"));
            if (repair) {
                kernel.replace(ruleset, ours);
                CHECK(kernel.read("meshgate")->unknown.empty());
                CHECK(output_of("nft list tables") == "table inet meshgate\n");
            } else {
                CHECK(kernel.remove("meshgate"));
                CHECK(output_of("nft list tables").empty());
            }
        }
    }
}

TEST_CASE("no count is lost in a killed replacement, nor seen twice") {
    Ruleset ruleset = every_kind().back().ruleset;
    ruleset.counters = {"captured_outbound"};
    for (const std::string state : {"bT", "B", "Bt", "T", "tB", "Tb"}) {
        CAPTURE(state);
        enter_fresh_namespace();
        Kernel kernel;
        std::uint64_t sum = 0;
        for (const char letter : state) {
            auto made = ruleset;
            const bool is_bridge = letter == 'b' || letter == 'B';
            if (is_bridge) made.table = "meshgate-bridge";
            kernel.replace(made, ours);
            const auto count = std::to_string(is_bridge ? 1 : 10);
            output_of("nft 'delete counter inet " + made.table + " captured_outbound; " +
                      "add counter inet " + made.table + " captured_outbound { packets " + count +
                      " bytes " + count + " }'");
            sum += is_bridge ? 1 : 10;
            if (letter == 'b' || letter == 't') {
                output_of("nft 'add table inet " + made.table + " { flags dormant; }'");
            }
        }
        const Counters expected{{"captured_outbound", sum, sum}};
        CHECK(kernel.counters("meshgate") == expected);
        for (int i = 0; i < 2; ++i) {
            kernel.replace(ruleset, ours);
            CHECK(kernel.counters("meshgate") == expected);
            CHECK(output_of("nft list tables") == "table inet meshgate\n");
        }
    }
}

TEST_CASE("the table of a trial is dormant: no packet meets it") {
    enter_fresh_namespace();
    const auto changes = listen_to_changes();
    CHECK_FALSE(Kernel{}.trial(every_kind().back().ruleset).has_value());
    const auto flags = flags_of_new_tables(changes);
    REQUIRE_FALSE(flags.empty());
    CHECK(flags.back() == NFT_TABLE_F_DORMANT);
}
