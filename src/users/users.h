#pragma once

#include "conf/config.h"

#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace meshgate {

/// A user that the configuration names and the system does not know.
class UnknownUser : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// Numbers stay as they are, names are looked up (getpwnam_r). @throws UnknownUser with the place
/// in the file.
conf::UidRange resolve_user(const conf::UserRef& user);

/// The sidecar's uid: proxy.user, else 5678 if it exists, else kuma-dp, else 5678 and `warning`
/// says so.
struct ProxyUser {
    conf::Uid uid = 5678;
    std::optional<std::string> warning;
};
ProxyUser resolve_proxy_user(const conf::Proxy& proxy);

/// The primary group and name of a uid; none for a uid without a passwd entry.
struct PasswdEntry {
    std::string name;
    unsigned gid = 0;
};
std::optional<PasswdEntry> passwd_entry(conf::Uid uid);

}  // namespace meshgate
