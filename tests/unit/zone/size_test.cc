// What a table costs: bytes beside the names themselves, and the time of one more name beside that
// of building it anew. Processor time of this thread, as a ratio: no other work counts.
#include "ask.h"

#include "dns/wire/text_name.h"
#include "dns/zone/build.h"
#include "dns/zone/compiled_table.h"
#include "dns/zone/service_names.h"

#include <doctest/doctest.h>
#include <time.h>

#include <ostream>
#include <string>

using namespace meshgate;
using dns::zone::HostList;

namespace {

constexpr std::size_t bytes_a_name_max = 60;

conf::IpAddress ipv4(std::uint32_t number) {
    const std::uint8_t bytes[4] = {
        static_cast<std::uint8_t>(number >> 24U), static_cast<std::uint8_t>(number >> 16U),
        static_cast<std::uint8_t>(number >> 8U), static_cast<std::uint8_t>(number)};
    return conf::IpAddress::ipv4(bytes);
}

/// Every byte that the table has allocated, but for those of the names.
std::size_t bytes_beside_names(const dns::zone::CompiledNames& names, std::size_t name_bytes) {
    return names.index.bytes() + names.entries.capacity() + names.reverse.bytes() - name_bytes;
}

/// Services as they are by default: two names each, and both families.
dns::zone::Contents services(std::size_t count, std::size_t& name_bytes) {
    dns::zone::Contents contents;
    contents.domains = {"mesh"};
    for (std::size_t i = 0; i < count; ++i) {
        const std::string label = "service-" + std::to_string(i) + "_default_svc_80";
        const auto address = ipv4(0xf0000000U + static_cast<std::uint32_t>(i));
        contents.services.push_back({label, address, dns::zone::mapped(address), {}});
        name_bytes += 2 * dns::wire::to_wire(label + ".mesh").size();
    }
    return contents;
}

dns::zone::Source hosts(std::size_t count, std::size_t& name_bytes) {
    HostList list;
    for (std::size_t i = 0; i < count; ++i) {
        const auto name = dns::wire::to_wire("h" + std::to_string(i) + ".mesh");
        const auto address = ipv4(0xf0000000U + static_cast<std::uint32_t>(i));
        list.add(name, {&address, 1});
        name_bytes += name.size();
    }
    return {"hosts", 30, true, true, std::make_shared<const HostList>(std::move(list)), true};
}

const dns::zone::CompiledNames& names_of(const std::shared_ptr<const dns::zone::Table>& table) {
    return *dynamic_cast<const dns::zone::CompiledTable&>(*table).base();
}

double processor_seconds() {
    timespec now{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

}  // namespace

TEST_CASE("a name costs 60 bytes at most beside itself, however many there are") {
    for (const std::size_t count : {5'000U, 40'000U, 45'000U}) {  // on both sides of powers of two
        CAPTURE(count);
        std::size_t name_bytes = 0;
        const auto contents = services(count, name_bytes);
        const auto table = dns::zone::build(contents);
        const std::size_t names = 2 * count;
        // The names between a service's dotted name and the domain are few, but they are there.
        REQUIRE(table->names() == names);
        CHECK(bytes_beside_names(names_of(table), name_bytes) / names <= bytes_a_name_max);
    }
    dns::zone::Contents contents;
    contents.domains = {"mesh"};
    std::size_t name_bytes = 0;
    const dns::zone::Sources sources{{hosts(90'000, name_bytes)}};
    const auto table = dns::zone::build(contents, sources);
    CHECK(bytes_beside_names(names_of(table), name_bytes) / 90'000 <= 32);
}

TEST_CASE("one more name costs next to nothing beside all of them") {
    dns::zone::Contents contents;
    contents.domains = {"mesh"};
    std::size_t ignored = 0;
    const dns::zone::Sources sources{{hosts(200'000, ignored)}};
    const double begin = processor_seconds();
    const auto table = dns::zone::build(contents, sources);
    const double built = processor_seconds();
    HostList one;
    const auto address = ipv4(0xf1000000U);
    one.add(dns::wire::to_wire("one-more.mesh"), {&address, 1});
    const auto more = dns::zone::with_more(
        table,
        {"hosts", 30, true, true, std::make_shared<const HostList>(std::move(one)), true},
        dns::zone::Position::last);
    const double added = processor_seconds();
    REQUIRE(more);
    CHECK(more->names() == 200'001);
    CHECK((added - built) * 100 < built - begin);
}

TEST_CASE("addresses of every number and TTL come back as they were") {
    dns::zone::Contents contents;
    contents.domains = {"mesh"};
    for (const std::uint32_t ttl : {0U, 30U, 65535U, 65536U, 86400U}) {
        for (const unsigned count : {1U, 2U, 255U, 256U, 300U}) {
            const std::string name =
                "n" + std::to_string(count) + "-" + std::to_string(ttl) + ".mesh";
            for (unsigned i = 0; i < count; ++i) {
                const auto address = ipv4(0x0a000000U + i);
                contents.records.push_back({dns::wire::to_wire(name), dns::wire::type::a, ttl,
                                            {address.bytes().begin(), address.bytes().end()}, "",
                                            {}});
            }
            // Not of an address' size: it has no short form, and is given as it is.
            contents.records.push_back(
                {dns::wire::to_wire(name), dns::wire::type::aaaa, ttl, {1, 2, 3}, "", {}});
        }
    }
    const auto table = dns::zone::build(contents);
    for (const std::uint32_t ttl : {0U, 30U, 65535U, 65536U, 86400U}) {
        for (const unsigned count : {1U, 2U, 255U, 256U, 300U}) {
            const std::string name =
                "n" + std::to_string(count) + "-" + std::to_string(ttl) + ".mesh";
            CAPTURE(name);
            test::Query query{name, dns::wire::type::a};
            query.id = 0;  // the first one comes first
            const auto answer = test::ask(*table, query);
            const std::size_t records = 12 + dns::wire::to_wire(name).size() + 4;
            REQUIRE(answer.size() == records + count * 16);
            CHECK(answer[6] * 256U + answer[7] == count);
            for (unsigned i = 0; i < count; ++i) {
                const auto* const record = answer.data() + records + i * 16;
                CHECK((std::uint32_t{record[6]} << 24 | std::uint32_t{record[7]} << 16 |
                       std::uint32_t{record[8]} << 8 | record[9]) == ttl);
                CHECK(record[14] * 256U + record[15] == i);
            }
            const auto other = test::ask(*table, {name, dns::wire::type::aaaa});
            REQUIRE(other.size() == records + 15);
            CHECK(other.back() == 3);
        }
    }
}
