#pragma once

#include "conf/config.h"

#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace meshgate {

/// A user or a group that the configuration names and the system does not know.
class UnknownUser : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// Numbers stay as they are, names are looked up (getpwnam_r). @throws UnknownUser with the place
/// in the file.
conf::UidRange resolve_user(const conf::UserRef& user);

/// The same of groups (getgrnam_r).
conf::GidRange resolve_group(const conf::GroupRef& group);

/// The sidecar's uids: proxy.user, in its order; else 5678 if it exists, else kuma-dp, else 5678
/// and `warning` says so.
struct ProxyUsers {
    std::vector<conf::Uid> uids;  ///< never empty
    std::optional<std::string> warning;
};
ProxyUsers resolve_proxy_users(const conf::Proxy& proxy);

/// The primary group and name of a uid; none for a uid without a passwd entry.
struct PasswdEntry {
    std::string name;
    unsigned gid = 0;
};
std::optional<PasswdEntry> passwd_entry(conf::Uid uid);

}  // namespace meshgate
