#include "dns/cache/cache.h"
#include "messages.h"

#include "dns/wire/bytes.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <map>
#include <random>
#include <string>

using namespace meshgate::test;
using namespace meshgate::dns;

namespace {

/// What a cache without bounds would know.
struct Model {
    struct Known {
        std::uint32_t stored_at, ttl;
        std::uint8_t last;
    };
    std::map<std::string, Known> known;
};

std::size_t steps() {
    return std::getenv("MESHGATE_FULL") != nullptr ? 1000000 : 60000;
}

}  // namespace

TEST_CASE("whatever happens, an answer is the last one stored, at its age, or nothing") {
    std::mt19937 random{20261123};
    cache::Cache cache{cache::Cache::min_bytes};
    Model model;
    std::uint32_t now = 0;
    std::size_t hits = 0;
    Bytes out(1232);
    for (std::size_t step = 0; step < steps(); ++step) {
        // Few names often, many names seldom; lengths that make entries of all sizes.
        const auto number = random() % (random() % 4 == 0 ? 4000 : 40);
        const std::string name =
            std::string(1 + number % 50, 'x') + std::to_string(number) + ".example";
        const Query query{name, 1};
        now += random() % 3;
        switch (random() % 16) {
        case 0: {
            if (step % 500 == 0) {
                cache.flush();
                model.known.clear();
            }
            break;
        }
        case 1:
            cache.flush(query.question.lower());
            model.known.erase(name);
            break;
        case 2:
        case 3:
        case 4: {
            const auto ttl = static_cast<std::uint32_t>(1 + random() % 200);
            const auto last = static_cast<std::uint8_t>(random());
            Sections sections;
            for (std::size_t i = 0; i <= number % 7; ++i)
                sections.answers.push_back(a(name, ttl, last));
            cache.store(query.question, reply(query.bytes, sections), now);
            model.known[name] = {now, ttl, last};
            break;
        }
        default: {
            const auto answer = cache.answer(query.question, now, 1232, out);
            if (answer.bytes == 0) break;
            ++hits;
            const auto known = model.known.find(name);
            REQUIRE(known != model.known.end());
            const auto age = now - known->second.stored_at;
            REQUIRE(age < known->second.ttl);
            const std::span<const std::uint8_t> message{out.data(), answer.bytes};
            REQUIRE(wire::read32(message, message.size() - 10) == known->second.ttl - age);
            REQUIRE(message.back() == known->second.last);
            REQUIRE(wire::read16(message, 6) == 1 + number % 7);
        }
        }
        REQUIRE(cache.bytes() <= cache::Cache::min_bytes);
    }
    CHECK(hits > steps() / 10);
}
