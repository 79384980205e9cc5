#include "src/meshgate-dns/identity.h"

#include "src/common/errors.h"
#include "src/common/log.h"
#include "src/common/unique_fd.h"
#include "src/meshgate-dns/verbs.h"
#include "src/users/users.h"

#include <fcntl.h>
#include <filesystem>
#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace meshgate::dnsd {
namespace {

constexpr gid_t nogroup = 65534;

Identity identity_of(uid_t uid) {
    if (const auto entry = passwd_entry(uid)) return {uid, entry->gid, entry->name};
    return {uid, nogroup, ""};
}

void drop_capabilities() {
    ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    std::array<__user_cap_data_struct, 2> none{};
    if (::syscall(SYS_capset, &header, none.data()) != 0) throw_errno("capset");
}

void change_user(const Identity& identity) {
    if (identity.uid == ::geteuid() && identity.uid == ::getuid()) return;
    const auto refused = [&identity](const char* call) {
        throw NotPermitted("becoming " + identity.to_string() + ": " + call + ": " +
                           std::strerror(errno) + "; start as root, or as that user");
    };
    if (::setgroups(0, nullptr) != 0) refused("setgroups");
    if (::setresgid(identity.gid, identity.gid, identity.gid) != 0) refused("setresgid");
    if (::setresuid(identity.uid, identity.uid, identity.uid) != 0) refused("setresuid");
}

/// Opens what the last component of `path` is, never what a link there points to.
UniqueFd open_itself(const std::string& path) {
    return UniqueFd{::open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC)};
}

void give(const UniqueFd& fd, const std::string& path, const Identity& identity) {
    if (::fchownat(fd.get(), "", identity.uid, identity.gid, AT_EMPTY_PATH) != 0) {
        log::warning("chown " + path + " to " + identity.to_string() + ": " + std::strerror(errno));
    }
}

}  // namespace

std::string Identity::to_string() const {
    const std::string number = "uid " + std::to_string(uid);
    return name.empty() ? number : name + " (" + number + ")";
}

std::optional<Identity> choose_identity(const conf::Config& config, uid_t effective) {
    if (config.dns.user) return identity_of(resolve_user(*config.dns.user).first);
    if (effective != 0) return std::nullopt;
    const ProxyUsers proxy = resolve_proxy_users(config.proxy);
    if (proxy.warning) log::warning(*proxy.warning);
    return identity_of(proxy.uids.front());
}

void prepare_directory(const std::string& directory, const std::optional<Identity>& identity) {
    if (directory.empty()) return;
    const std::filesystem::path path{directory};
    std::error_code error;
    if (path.has_parent_path() && !std::filesystem::is_directory(path, error)) {
        std::filesystem::create_directories(path.parent_path(), error);
    }
    const bool created = ::mkdir(directory.c_str(), 0755) == 0;
    if (!created && errno != EEXIST) throw_errno("directory " + directory);
    if (!identity || identity->uid == ::geteuid()) return;
    if (!created && path.filename() != "meshgate") return;
    if (const UniqueFd itself = open_itself(directory)) give(itself, directory, *identity);
}

void hand_over_file(const std::string& file, const std::optional<Identity>& identity) {
    if (!identity || identity->uid == ::geteuid()) return;
    const UniqueFd itself = open_itself(file);
    struct stat what {};
    if (!itself || ::fstat(itself.get(), &what) != 0) return;
    if (!S_ISREG(what.st_mode) || what.st_nlink != 1) return;
    if (what.st_uid != identity->uid) give(itself, file, *identity);
}

ActingAs::ActingAs(const std::optional<Identity>& identity) : uid_(::geteuid()), gid_(::getegid()) {
    if (!identity || identity->uid == uid_) return;
    if (::setegid(identity->gid) != 0) return;
    changed_ = true;
    // Without the permission it goes on as it is: become() says so.
    [[maybe_unused]] const int result = ::seteuid(identity->uid);
}

ActingAs::~ActingAs() {
    if (!changed_) return;
    if (::seteuid(uid_) != 0 || ::setegid(gid_) != 0) std::abort();  // never on with another user
}

void become(const std::optional<Identity>& identity) {
    if (identity) change_user(*identity);
    drop_capabilities();
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) throw_errno("PR_SET_NO_NEW_PRIVS");
}

}  // namespace meshgate::dnsd
