#include "dns/records/records.h"
#include "dns/zone/build.h"

#include <doctest/doctest.h>

#include <ostream>
#include <string>

using namespace meshgate;

namespace {

std::string lines(const dns::zone::Contents& contents) {
    std::string text;
    for (const auto& row : dns::zone::list(contents)) {
        text += row.name + ' ' + std::to_string(row.ttl) + ' ' + row.type + ' ' + row.value + ' ' +
                row.source + '\n';
    }
    return text;
}

}  // namespace

TEST_CASE("the list has every name once, sorted, as the table answers it") {
    dns::zone::Contents contents;
    contents.domains = {"mesh"};
    contents.services = {
        {"b_c", conf::IpAddress::parse("240.0.0.0"), {}, {}},
        {"b.c", conf::IpAddress::parse("240.0.0.1"), conf::IpAddress::parse("fd00::1"), {}}};
    const conf::Record record{"a.mesh", "TYPE65280", "\\# 2 beef", 5, {}};
    contents.records = {dns::records::to_wire(record, 30), dns::records::to_wire(record, 30)};
    CHECK(lines(contents) == "a.mesh 5 TYPE65280 \\# 2 beef record\n"
                             "b.c.mesh 30 A 240.0.0.1 service\n"
                             "b.c.mesh 30 AAAA fd00::1 service\n"
                             "b_c.mesh 30 A 240.0.0.0 service\n");
}
