#include "src/common/unique_fd.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

using meshgate::UniqueFd;

namespace {

bool is_open(int fd) {
    return ::fcntl(fd, F_GETFD) >= 0;
}

}  // namespace

TEST_CASE("UniqueFd closes what it owns") {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    {
        UniqueFd read_end{ends[0]};
        UniqueFd write_end{ends[1]};
        UniqueFd moved{std::move(read_end)};
        CHECK_FALSE(read_end);
        CHECK(moved.get() == ends[0]);
        CHECK(is_open(ends[0]));
    }
    CHECK_FALSE(is_open(ends[0]));
    CHECK_FALSE(is_open(ends[1]));
}

TEST_CASE("UniqueFd gives up ownership on release") {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    UniqueFd write_end{ends[1]};
    {
        UniqueFd read_end{ends[0]};
        CHECK(read_end.release() == ends[0]);
    }
    CHECK(is_open(ends[0]));
    ::close(ends[0]);
    write_end.reset();
    CHECK_FALSE(is_open(ends[1]));
}
