#pragma once

#include "conf/config.h"

#include <sys/types.h>

#include <optional>
#include <string>

namespace meshgate::dnsd {

/// The user the server runs as once its sockets are bound.
struct Identity {
    uid_t uid = 0;
    gid_t gid = 0;
    std::string name;  ///< of the passwd entry; empty: the uid has none, and the group is nogroup

    [[nodiscard]] std::string to_string() const;  ///< "kuma-dp (uid 5678)", "uid 1234"
};

/// dns.user; unset: the proxy's user when started as root (its traffic is exempt from capture),
/// else none, which means "stay". A uid without a passwd entry runs with the group nogroup (65534):
/// a group of the same number could be anybody's.
/// @throws UnknownUser with the place in the file.
std::optional<Identity> choose_identity(const conf::Config& config, uid_t effective);

/// Creates `directory` where it is missing (mode 0755) and gives it to `identity`. One that was
/// there is only given away when its name is "meshgate": nobody's /tmp or /etc changes hands.
/// @throws std::system_error naming the directory.
void prepare_directory(const std::string& directory, const std::optional<Identity>& identity);

/// Gives a regular file that is there to `identity`; a symbolic link or a file with several names
/// is left alone, since its directory may belong to somebody who is not root.
void hand_over_file(const std::string& file, const std::optional<Identity>& identity);

/// Acts as `identity` while it lives, where this process may; back to root after. For what the user
/// has to own, or is the only one allowed to use: root without CAP_DAC_OVERRIDE (the systemd unit's
/// set) can neither read a 0600 file of another user nor make a socket in that user's folder.
/// Single-threaded start-up only.
class ActingAs {
public:
    explicit ActingAs(const std::optional<Identity>& identity);
    ~ActingAs();
    ActingAs(const ActingAs&) = delete;
    ActingAs& operator=(const ActingAs&) = delete;

private:
    uid_t uid_;
    gid_t gid_;
    bool changed_ = false;
};

/// Becomes `identity` for good (all threads: call it before there are any), and drops every
/// capability, also when it stays: nothing after the start needs one. No program started from here
/// gains a privilege (PR_SET_NO_NEW_PRIVS).
/// @throws NotPermitted when this process may not change its user.
void become(const std::optional<Identity>& identity);

}  // namespace meshgate::dnsd
