// Random zones and random questions, against a model that a reader of RFC 1034 section 4.3.2, RFC
// 4592 and design.md section 4 can check by eye: a map, searched from one end to the other.
#include "ask.h"

#include "dns/wire/bytes.h"
#include "dns/wire/record.h"
#include "dns/wire/text_name.h"
#include "dns/zone/build.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <map>
#include <ostream>
#include <random>
#include <set>

using namespace meshgate;
namespace wire = dns::wire;

namespace {

constexpr std::uint16_t txt = wire::type::txt;
using Values = std::set<unsigned>;  // the last byte of each record's data

struct Expected {
    bool ours = true;
    unsigned rcode = 0;
    Values values;
    friend bool operator==(const Expected&, const Expected&) = default;
};

std::ostream& operator<<(std::ostream& out, const Expected& what) {
    if (!what.ours) return out << "forward";
    out << "rcode " << what.rcode << ", values";
    for (const unsigned value : what.values) out << ' ' << value;
    return out;
}

class Model {
public:
    void add(const std::string& name, std::uint16_t type, unsigned value) {
        data_[name][type].insert(value);
    }

    [[nodiscard]] Expected answer(const std::string& name, std::uint16_t type) const {
        const bool ours = name == "mesh" || name.ends_with(".mesh");
        if (const auto found = data_.find(name); found != data_.end())
            return of(found->second, type);
        if (exists(name)) return {ours, 0, {}};
        for (std::string above = name; !above.empty();) {
            above = parent(above);
            const auto wild = data_.find(above.empty() ? "*" : "*." + above);
            if (wild != data_.end()) return of(wild->second, type);
            if (exists(above)) break;
        }
        return {ours, ours ? 3U : 0U, {}};
    }

private:
    using Types = std::map<std::uint16_t, Values>;

    static Expected of(const Types& types, std::uint16_t type) {
        const auto found = types.find(type);
        return {true, 0, found == types.end() ? Values{} : found->second};
    }
    static std::string parent(const std::string& name) {
        const auto dot = name.find('.');
        return dot == std::string::npos ? "" : name.substr(dot + 1);
    }
    /// Has data, or a name below it has; outside our domains others know what exists, and only data
    /// counts.
    [[nodiscard]] bool exists(const std::string& name) const {
        if (name == "mesh") return true;
        if (!name.ends_with(".mesh")) return data_.contains(name);
        for (const auto& each : data_) {
            if (each.first == name || each.first.ends_with("." + name)) return true;
        }
        return false;
    }

    std::map<std::string, Types> data_;
};

class Zones {
public:
    explicit Zones(unsigned seed) : random_(seed) {}

    unsigned below(unsigned bound) { return static_cast<unsigned>(random_() % bound); }

    std::string name() {
        static constexpr const char* labels[]{"a", "b", "c", "a_b", "b_c"};
        std::string name;
        for (unsigned left = below(4); left > 0; --left)
            name += labels[below(5)] + std::string{"."};
        return name + (below(3) == 0 ? "out" : "mesh");
    }

    std::shared_ptr<const dns::zone::Table> make(Model& model) {
        dns::zone::Contents contents;
        contents.domains = {"mesh"};
        for (const char* service : {"a_b", "b_c", "c", "a_b_c"}) {
            if (below(2) != 0) add_service(contents, model, service);
        }
        for (unsigned left = below(12); left > 0; --left) add_record(contents, model);
        return dns::zone::build(contents);
    }

private:
    void add_service(dns::zone::Contents& contents, Model& model, std::string name) {
        const unsigned value = below(200);
        contents.services.push_back(
            {name, conf::IpAddress::parse("240.0.0." + std::to_string(value)), {}, {}});
        model.add(name + ".mesh", wire::type::a, value);
        for (char& letter : name) letter = letter == '_' ? '.' : letter;
        model.add(name + ".mesh", wire::type::a, value);
    }

    void add_record(dns::zone::Contents& contents, Model& model) {
        const std::string owner = (below(4) == 0 ? "*." : "") + name();
        const auto value = static_cast<std::uint8_t>(below(200));
        const bool address = below(2) == 0;
        dns::zone::WireRecord record;
        record.owner = wire::to_wire(owner);
        record.type = address ? wire::type::a : txt;
        record.ttl = 30;
        record.rdata = address ? std::vector<std::uint8_t>{10, 0, 0, value}
                               : std::vector<std::uint8_t>{1, value};
        contents.records.push_back(record);
        model.add(owner, record.type, value);
    }

    std::mt19937 random_;
};

Expected read(const std::vector<std::uint8_t>& answer, std::size_t question_end) {
    if (answer.empty()) return {false, 0, {}};
    Expected got{true, static_cast<unsigned>(answer[3] & 0x0f), {}};
    std::size_t at = question_end;
    for (unsigned left = wire::read16(answer, 6); left > 0; --left) {
        const auto record = wire::read_record(answer, at);
        REQUIRE(record);
        got.values.insert(answer[record->end - 1]);
        at = record->end;
    }
    // Without an answer there is an SOA, for caches: nothing else.
    CHECK(wire::read16(answer, 8) == (got.values.empty() ? 1 : 0));
    return got;
}

}  // namespace

TEST_CASE("every question to every zone has the answer of the model") {
    const unsigned steps = std::getenv("MESHGATE_FULL") != nullptr ? 1000000 : 40000;
    constexpr unsigned questions = 100;  // to each zone
    Zones zones{20261123};
    for (unsigned step = 0; step < steps; step += questions) {
        Model model;
        const auto table = zones.make(model);
        for (unsigned i = 0; i < questions; ++i) {
            std::string name = zones.name();
            if (zones.below(20) == 0) name = "*." + name;
            static constexpr std::uint16_t types[]{wire::type::a, txt, wire::type::aaaa, 65};
            const auto type = types[zones.below(4)];
            std::string asked = name;
            if (zones.below(3) == 0) asked[0] = static_cast<char>(std::toupper(asked[0]));
            CAPTURE(step);
            CAPTURE(asked);
            CAPTURE(type);
            const auto got = read(test::ask(*table, {asked, type}), 12 + name.size() + 2 + 4);
            REQUIRE(got == model.answer(name, type));
        }
    }
}
