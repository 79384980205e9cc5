#pragma once

#include "conf/config.h"
#include "conf/reader.h"
#include "conf/words.h"

/// The words of the configuration in TOML: ports, users, networks, names.
namespace meshgate::conf {

/// Readers of a key that holds one such word or an array of them.
std::vector<PortRange> read_ports(TableReader& reader, std::string_view key);
std::vector<UserRef> read_users(TableReader& reader, std::string_view key);
std::optional<UserRef> read_user(TableReader& reader, std::string_view key);  ///< one, no range
std::vector<Cidr> read_networks(TableReader& reader, std::string_view key);
std::vector<Protocol> read_protocols(TableReader& reader, std::string_view key);

}  // namespace meshgate::conf
