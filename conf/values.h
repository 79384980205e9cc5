#pragma once

#include "conf/config.h"
#include "conf/reader.h"
#include "conf/words.h"

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// The words of the configuration in TOML: ports, users, networks, names.
namespace meshgate::conf {

/// Readers of a key that holds one such word or an array of them.
std::vector<PortRange> read_ports(TableReader& reader, std::string_view key);
std::vector<UserRef> read_users(TableReader& reader, std::string_view key);
std::optional<UserRef> read_user(TableReader& reader, std::string_view key);  ///< one, no range
/// One or several, no ranges.
std::vector<UserRef> read_single_users(TableReader& reader, std::string_view key);
std::vector<GroupRef> read_groups(TableReader& reader, std::string_view key);
std::vector<MaskedMark> read_marks(TableReader& reader, std::string_view key);
std::vector<Cidr> read_networks(TableReader& reader, std::string_view key);
std::vector<Protocol> read_protocols(TableReader& reader, std::string_view key);

/// "NAME:PORT"; without a port `default_port`, if that is not 0.
struct HostPort {
    std::string host;
    Port port = 0;
};
std::optional<HostPort> parse_host_port(std::string_view text, Port default_port);

/// Where an admin endpoint listens: "unix:/PATH", an address with a port, a list of them, or "" for
/// nowhere. `is_default` becomes false when the key is there.
void read_admin(TableReader& reader, std::vector<std::string>& admin, bool& is_default);

/// A domain name (parse_name); anything else is an error.
void read_name(TableReader& reader, std::string_view key, Wildcard wildcard, std::string& to);

/// False, with an error for each, when one of `keys` is missing in a `[[what]]`.
bool need(TableReader& reader, const toml::table& table, std::string_view what,
          std::initializer_list<std::string_view> keys);

/// Reads a string or an array of strings, each by `parse`; `wanted` says what is right.
template <class Value, class Parse>
std::vector<Value> read_words(TableReader& reader, std::string_view key, Parse parse,
                              std::string_view wanted) {
    std::vector<Value> values;
    reader.read_each(key, [&](const toml::node& node) {
        const auto text = as_string(reader.findings(), node, reader.name(key));
        if (!text) return;
        if (auto value = parse(*text)) {
            values.push_back(std::move(*value));
        } else {
            reader.findings().error(node.source(), in_quotes(reader.name(key)) + ": " +
                                                       in_quotes(*text) + " is not " +
                                                       std::string{wanted});
        }
    });
    return values;
}

}  // namespace meshgate::conf
