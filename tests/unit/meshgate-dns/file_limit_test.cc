#include "src/meshgate-dns/file_limit.h"

#include <doctest/doctest.h>

#include <ostream>

using meshgate::dns::server::WorkerLimits;
using meshgate::dnsd::share_files;

TEST_CASE("TCP clients get the files that the sockets to upstreams leave") {
    struct Case {
        std::size_t files, workers, clients, udp, tcp;
        bool warned;
    };
    constexpr Case cases[]{
        {65536, 2, 16384, 64, 64, false}, {20000, 2, 9760, 64, 64, false},
        {65536, 64, 830, 64, 64, false},  {1024, 2, 272, 64, 64, false},
        {1024, 16, 31, 9, 9, true},       {256, 2, 41, 13, 13, true},
        {64, 2, 1, 4, 4, true},           {0, 1, 1, 4, 4, true},
    };
    for (const Case& each : cases) {
        CAPTURE(each.files);
        CAPTURE(each.workers);
        WorkerLimits limits;
        const auto warning = share_files(each.files, each.workers, limits);
        CHECK(limits.tcp_connections == each.clients);
        CHECK(limits.forward.udp_sockets == each.udp);
        CHECK(limits.forward.tcp_connections == each.tcp);
        CHECK(warning.empty() == !each.warned);
    }
}

TEST_CASE("clients and upstreams together never take more files than there are") {
    for (std::size_t files = 200; files < 70000; files += 97) {
        for (const std::size_t workers : {1U, 2U, 3U, 7U}) {
            WorkerLimits limits;
            static_cast<void>(share_files(files, workers, limits));
            const auto each = limits.tcp_connections + 2 * limits.forward.udp_sockets +
                              limits.forward.tcp_connections;
            CHECK_MESSAGE(each * workers <= files, files, " files, ", workers, " workers");
        }
    }
}
