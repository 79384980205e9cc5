#include "dns/feed/kuma_document.h"

#include "dns/wire/siphash.h"
#include "dns/wire/text_name.h"
#include "dns/zone/name_index.h"

#include <simdjson.h>

#include <algorithm>
#include <stdexcept>
#include <string_view>
#include <vector>

namespace meshgate::dns::feed {
namespace {

namespace dom = simdjson::dom;

struct WrongShape : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// The list while it grows, and where each of its names is.
class Hosts {
public:
    void set(const std::vector<std::uint8_t>& name, const std::vector<conf::IpAddress>& addresses) {
        const std::uint32_t hash = wire::siphash(key_, name);
        const auto same = [&](std::uint32_t index) {
            const auto other = list_[index].name;
            return std::equal(name.begin(), name.end(), other.begin(), other.end());
        };
        if (const auto index = index_.find(hash, same)) return list_.replace(*index, addresses);
        if (list_.size() == names_max) throw WrongShape("more than 1,000,000 names");
        index_.insert(hash, static_cast<std::uint32_t>(list_.size()));
        list_.add(name, addresses);
    }

    zone::HostList take() {
        list_.shrink_to_fit();
        return std::move(list_);
    }

private:
    wire::HashKey key_ = wire::random_hash_key();
    zone::HostList list_;
    zone::NameIndex index_;
};

class Reader {
public:
    KumaDocument read(const dom::element& root) {
        const dom::object top = object(root, "the document");
        bool has_records = false;
        for (const auto field : top) {
            if (field.key == "records") {
                has_records = true;
                hosts_ = Hosts{};  // a field that comes twice counts as it came last
                read_records(field.value);
            } else if (field.key == "ttl") {
                read_ttl(field.value);
            }
        }
        if (!has_records) throw WrongShape("it has no 'records'");
        out_.hosts = std::make_shared<const zone::HostList>(hosts_.take());
        return std::move(out_);
    }

private:
    static dom::object object(const dom::element& value, const char* what) {
        dom::object out;
        if (value.get(out)) throw WrongShape(what + std::string{" is not an object"});
        return out;
    }

    static std::string_view text(const dom::element& value, const char* what) {
        std::string_view out;
        if (value.is_null()) return {};
        if (value.get(out)) throw WrongShape(what + std::string{" is not a string"});
        return out;
    }

    /// Null is an array without elements.
    static std::optional<dom::array> array(const dom::element& value, const char* what) {
        dom::array out;
        if (value.is_null()) return std::nullopt;
        if (value.get(out)) throw WrongShape(what + std::string{" is not an array"});
        return out;
    }

    void read_ttl(const dom::element& value) {
        constexpr std::uint64_t ttl_max = 0x7fffffff;  // RFC 2181 section 8
        std::uint64_t seconds = 0;
        if (value.is_null()) return;
        if (value.get(seconds) || seconds > ttl_max) {
            throw WrongShape("'ttl' is not a number of seconds up to 2147483647");
        }
        out_.ttl = static_cast<std::uint32_t>(seconds);
    }

    void read_records(const dom::element& value) {
        const auto records = array(value, "'records'");
        if (!records) return;
        for (const auto record : *records) read_record(object(record, "a record"));
    }

    void read_record(const dom::object& record) {
        std::string_view name;
        addresses_.clear();
        for (const auto field : record) {
            if (field.key == "name") name = text(field.value, "a 'name'");
            if (field.key == "ips") read_addresses(field.value);
        }
        const auto wire_name = wire::to_wire(name);
        if (wire_name.size() < 2) return skip(name);
        hosts_.set(wire_name, addresses_);
    }

    void read_addresses(const dom::element& value) {
        addresses_.clear();
        const auto ips = array(value, "an 'ips'");
        if (!ips) return;
        for (const auto ip : *ips) {
            const std::string_view word = text(ip, "an address");
            const auto address = conf::IpAddress::parse(word);
            if (!address || addresses_.size() == addresses_of_name_max) {
                skip(word);
            } else {
                addresses_.push_back(*address);
            }
        }
    }

    void skip(std::string_view what) {
        constexpr std::size_t shown = 80;
        if (out_.skipped++ == 0) out_.first_skipped = what.substr(0, shown);
    }

    KumaDocument out_;
    Hosts hosts_;
    std::vector<conf::IpAddress> addresses_;
};

}  // namespace

std::optional<KumaDocument> parse_kuma(std::string& json, std::string& error) {
    json.reserve(json.size() + simdjson::SIMDJSON_PADDING);
    dom::parser parser;
    dom::element root;
    simdjson::error_code code = parser.allocate(std::max<std::size_t>(json.size(), 64), depth_max);
    if (!code) code = parser.parse(json.data(), json.size(), false).get(root);
    if (code) {
        error = std::string{"no JSON: "} + simdjson::error_message(code);
        return std::nullopt;
    }
    try {
        return Reader{}.read(root);
    } catch (const WrongShape& wrong) {
        error = wrong.what();
    } catch (const std::length_error& wrong) {
        error = wrong.what();
    }
    return std::nullopt;
}

}  // namespace meshgate::dns::feed
