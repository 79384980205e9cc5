#include "src/users/users.h"

#include <pwd.h>
#include <sys/types.h>

#include <cstddef>

namespace meshgate {
namespace {

constexpr conf::Uid default_uid = 5678;  // Kuma's documented kuma-dp
constexpr std::size_t passwd_bytes_max = std::size_t{1} << 20;

/// Calls a getpw*_r function with a buffer that grows as it asks (ERANGE). nullopt: no such user,
/// or no user database.
template <class Lookup>
std::optional<passwd> look_up(std::vector<char>& buffer, Lookup lookup) {
    for (buffer.resize(1024); buffer.size() <= passwd_bytes_max; buffer.resize(buffer.size() * 4)) {
        passwd entry{};
        passwd* found = nullptr;
        const int error = lookup(&entry, buffer.data(), buffer.size(), &found);
        if (error == ERANGE) continue;
        if (error != 0 || found == nullptr) return std::nullopt;
        return entry;
    }
    return std::nullopt;
}

std::optional<passwd> by_name(const std::string& name, std::vector<char>& buffer) {
    return look_up(buffer, [&name](passwd* entry, char* data, std::size_t size, passwd** found) {
        return ::getpwnam_r(name.c_str(), entry, data, size, found);
    });
}

std::optional<passwd> by_uid(conf::Uid uid, std::vector<char>& buffer) {
    return look_up(buffer, [uid](passwd* entry, char* data, std::size_t size, passwd** found) {
        return ::getpwuid_r(uid, entry, data, size, found);
    });
}

}  // namespace

conf::UidRange resolve_user(const conf::UserRef& user) {
    if (const auto* range = std::get_if<conf::UidRange>(&user.who)) return *range;
    const auto& name = std::get<std::string>(user.who);
    std::vector<char> buffer;
    if (const auto entry = by_name(name, buffer)) return {entry->pw_uid, entry->pw_uid};
    const std::string where = user.where.to_string();
    throw UnknownUser((where.empty() ? "" : where + ": ") + "user '" + name +
                      "' does not exist; create it (useradd -r " + name + ") or write its number");
}

ProxyUser resolve_proxy_user(const conf::Proxy& proxy) {
    if (proxy.user) return {resolve_user(*proxy.user).first, std::nullopt};
    std::vector<char> buffer;
    if (by_uid(default_uid, buffer)) return {default_uid, std::nullopt};
    if (const auto entry = by_name("kuma-dp", buffer)) return {entry->pw_uid, std::nullopt};
    return {default_uid, "no user 5678 and no user kuma-dp: the proxy is taken to run as uid 5678 "
                         "(set proxy.user, or --kuma-dp-user)"};
}

std::optional<PasswdEntry> passwd_entry(conf::Uid uid) {
    std::vector<char> buffer;
    const auto entry = by_uid(uid, buffer);
    if (!entry) return std::nullopt;
    return PasswdEntry{entry->pw_name, entry->pw_gid};
}

}  // namespace meshgate
