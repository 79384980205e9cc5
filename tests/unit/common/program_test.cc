#include "src/common/program.h"

#include <doctest/doctest.h>

#include <ostream>
#include <stdexcept>
#include <string>
#include <system_error>

using namespace meshgate;
using namespace std::chrono_literals;

TEST_CASE("a program gets its input and arguments as they are, and says what it says") {
    const std::string input(1 << 20, 'x');  // more than a pipe holds
    auto done = run_program({"/bin/cat"}, input, 10s);
    CHECK(done.status == 0);
    CHECK(done.out == input);
    done = run_program({"/bin/echo", "$HOME; `id`", "*"}, "", 10s);
    CHECK(done.out == "$HOME; `id` *\n");
    done = run_program({"/bin/sh", "-c", "echo no >&2; exit 3"}, "", 10s);
    CHECK(done.status == 3);
    CHECK(done.err == "no\n");
}

TEST_CASE("one that a signal ends, that is not there, that takes too long") {
    CHECK(run_program({"/bin/sh", "-c", "kill -TERM $$"}, "", 10s).status == 128 + 15);
    CHECK_THROWS_AS(run_program({"/nowhere/program"}, "", 10s), std::system_error);
    CHECK_THROWS_WITH(run_program({"/bin/sh", "-c", "read line </dev/zero"}, "", 20ms),
                      "/bin/sh: took too long");
}

TEST_CASE("its complaints are kept to a bound and its answers too") {
    const auto done = run_program({"/bin/sh", "-c", "head -c 1000000 /dev/zero >&2"}, "", 10s);
    CHECK(done.err.size() == std::size_t{64} << 10);
    CHECK_THROWS_WITH(run_program({"/usr/bin/head", "-c", "70000000", "/dev/zero"}, "", 60s),
                      "/usr/bin/head: said too much");
}

TEST_CASE("a program is found by its name alone, never in the working directory") {
    CHECK(find_program("sh").ends_with("/sh"));
    CHECK(find_program("no-such-program").empty());
}
