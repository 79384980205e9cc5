#include "src/meshgate-dns/query_log_sink.h"

#include "tests/unit/meshgate-dns/temporary_folder.h"
#include "tests/unit/server/peers.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <ostream>
#include <string>
#include <system_error>

#include <doctest/doctest.h>

using namespace meshgate;
using namespace meshgate::dnsd;
using dns::server::LoggedQuery;

namespace {

std::array<LoggedQuery, 2> two_queries() {
    std::array<LoggedQuery, 2> queries;
    for (LoggedQuery& query : queries) query.client = test::peer("127.0.0.1");
    return queries;
}

std::string text_of(const std::filesystem::path& file) {
    std::ifstream stream{file};
    return {std::istreambuf_iterator<char>{stream}, {}};
}

}  // namespace

TEST_CASE("a file is made for its owner and group, and appended to") {
    const TemporaryFolder folder;
    const auto file = folder / "queries.jsonl";
    CHECK(open_query_log_sink(file)->write(two_queries()) == 0);
    CHECK(open_query_log_sink(file)->write(two_queries()) == 0);
    const std::string text = text_of(file);
    CHECK(std::count(text.begin(), text.end(), '\n') == 4);
    struct stat what {};
    REQUIRE(::stat(file.c_str(), &what) == 0);
    CHECK((what.st_mode & 07777U & ~0640U) == 0);
}

TEST_CASE("what cannot be opened says so with its name") {
    const TemporaryFolder folder;
    const auto pipe = folder / "pipe";
    REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
    for (const std::string& where :
         {std::string{"/nonexistent/queries"}, pipe.parent_path().string(), pipe.string()}) {
        CAPTURE(where);
        CHECK_THROWS_WITH_AS(open_query_log_sink(where), doctest::Contains(where.c_str()),
                             std::system_error);
    }
}

TEST_CASE("a full disk loses lines and says how many") {
    const auto sink = open_query_log_sink("/dev/full");
    CHECK(sink->write(two_queries()) == 2);
    CHECK(sink->write({}) == 0);
}
