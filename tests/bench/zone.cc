// What the table costs: `bench-zone [NAMES]` prints the time and memory to build it, and
// nanoseconds for each look-up, parsing included. Names are asked for in random order, so that a
// large table is met as cold as it is in life.
#include "dns/wire/question.h"
#include "dns/zone/build.h"

#include <malloc.h>
#include <sys/resource.h>
#include <time.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <random>
#include <string>
#include <vector>

using namespace meshgate;
using Bytes = std::vector<std::uint8_t>;

namespace {

constexpr std::size_t questions = 1 << 16, rounds = 32;

/// Processor seconds of this thread: other work on the machine does not count.
double processor() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

/// Resident memory, MiB.
double resident() {
    std::ifstream file{"/proc/self/statm"};
    double total = 0, pages = 0;
    file >> total >> pages;
    return pages * 4096 / (1 << 20);
}

double peak_resident() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return static_cast<double>(usage.ru_maxrss) / 1024;
}

std::string label(std::size_t number) {
    return "service-" + std::to_string(number) + "_default_svc_80";
}

dns::zone::Contents services(std::size_t count) {
    dns::zone::Contents contents;
    contents.domains = {"mesh"};
    contents.services.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
        const std::uint32_t number = 0xf0000000U + static_cast<std::uint32_t>(i);
        const std::uint8_t bytes[4] = {
            static_cast<std::uint8_t>(number >> 24U), static_cast<std::uint8_t>(number >> 16U),
            static_cast<std::uint8_t>(number >> 8U), static_cast<std::uint8_t>(number)};
        contents.services.push_back({label(i), conf::IpAddress::ipv4(bytes), std::nullopt, {}});
    }
    return contents;
}

Bytes query(const std::string& name, unsigned type, bool edns) {
    Bytes out{0xbe, 0xef, 1, 0, 0, 1, 0, 0, 0, 0, 0, static_cast<std::uint8_t>(edns ? 1 : 0)};
    for (std::size_t at = 0; at < name.size();) {
        const std::size_t dot = std::min(name.find('.', at), name.size());
        out.push_back(static_cast<std::uint8_t>(dot - at));
        out.insert(out.end(), name.begin() + static_cast<std::ptrdiff_t>(at),
                   name.begin() + static_cast<std::ptrdiff_t>(dot));
        at = dot + 1;
    }
    for (const unsigned byte : {0U, 0U, type, 0U, 1U}) {
        out.push_back(static_cast<std::uint8_t>(byte));
    }
    if (edns) out.insert(out.end(), {0, 0, 41, 0x10, 0, 0, 0, 0, 0, 0, 0});
    return out;
}

void measure(const char* what, const dns::zone::Table* table, const std::vector<Bytes>& queries) {
    Bytes out(1232);
    std::size_t written = 0;
    const double start = processor();
    for (std::size_t round = 0; round < rounds; ++round) {
        for (const Bytes& message : queries) {
            dns::wire::Question question;
            static_cast<void>(dns::wire::parse_question(message, question));
            written += table != nullptr ? table->answer(question, 1232, out) : question.end();
        }
    }
    const double took = processor() - start;
    const auto asked = static_cast<double>(queries.size() * rounds);
    std::printf("%-20s %7.1f ns  (%zu bytes)\n", what, took / asked * 1e9,
                written / queries.size() / rounds);
}

}  // namespace

int main(int argc, char** argv) {
    const std::size_t names = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 10000;
    auto contents = services(names / 2);  // each has a twin
    const double before = resident();
    const double start = processor();
    const auto table = dns::zone::build(contents);
    const double took = processor() - start;
    contents = {};
    malloc_trim(0);
    std::printf("%zu names: built in %.3f CPU s, resident before %.1f, peak %.1f, now %.1f MiB\n",
                table->names(), took, before, peak_resident(), resident());

    std::mt19937 random{1};
    std::vector<Bytes> a, edns, nodata, unknown, foreign;
    for (std::size_t i = 0; i < questions; ++i) {
        const std::string name = label(random() % std::max<std::size_t>(names / 2, 1));
        a.push_back(query(name + ".mesh", 1, false));
        edns.push_back(query(name + ".mesh", 1, true));
        nodata.push_back(query(name + ".mesh", 28, false));
        unknown.push_back(query("no-" + name + ".mesh", 1, false));
        foreign.push_back(query("www." + name + ".example.com", 1, false));
    }
    measure("parse only", nullptr, a);
    measure("parse only, EDNS", nullptr, edns);
    measure("A", table.get(), a);
    measure("A, EDNS", table.get(), edns);
    measure("NODATA", table.get(), nodata);
    measure("NXDOMAIN", table.get(), unknown);
    measure("not ours", table.get(), foreign);
}
