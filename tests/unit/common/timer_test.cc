#include "src/common/timer.h"

#include "src/common/asio.h"

#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <ostream>

using meshgate::Timer;
using std::chrono::hours;
using std::chrono::milliseconds;

TEST_CASE("a timer calls once, when its time has come") {
    boost::asio::io_context context;
    Timer timer{context};
    int calls = 0;
    const auto begin = Timer::Clock::now();
    timer.wait_for(milliseconds{5}, [&] { ++calls; });
    context.run();
    CHECK(calls == 1);
    CHECK(Timer::Clock::now() - begin >= milliseconds{5});
}

TEST_CASE("what is given up is never called, also when its time had come") {
    boost::asio::io_context context;
    int calls = 0;
    std::optional<Timer> late{std::in_place, context}, replaced{std::in_place, context},
        ended{std::in_place, context};
    for (auto* timer : {&late, &replaced, &ended}) {
        (*timer)->wait_until(Timer::Clock::now(), [&] { calls += 100; });
    }
    // Runs before the timers' handlers, which are then queued.
    Timer first{context};
    first.wait_until(Timer::Clock::now() - hours{1}, [&] {
        late->cancel();
        replaced->wait_for(milliseconds{1}, [&] { ++calls; });
        ended.reset();
    });
    context.run();
    CHECK(calls == 1);
}

TEST_CASE("what a timer calls may start the next wait and may end the timer") {
    boost::asio::io_context context;
    auto timer = std::make_unique<Timer>(context);
    int calls = 0;
    timer->wait_for(milliseconds{1}, [&] {
        ++calls;
        timer->wait_for(milliseconds{1}, [&] {
            ++calls;
            timer.reset();
        });
    });
    context.run();
    CHECK(calls == 2);
    CHECK(timer == nullptr);
}
