#include "src/users/users.h"

#include <grp.h>
#include <pwd.h>
#include <sys/types.h>

#include <cstddef>

namespace meshgate {
namespace {

constexpr conf::Uid default_uid = 5678;  // Kuma's documented kuma-dp
constexpr std::size_t entry_bytes_max = std::size_t{1} << 20;

/// Calls a getpw*_r or getgr*_r function with a buffer that grows as it asks (ERANGE). nullopt: no
/// such entry, or no database.
template <class Entry, class Lookup>
std::optional<Entry> look_up(std::vector<char>& buffer, Lookup lookup) {
    for (buffer.resize(1024); buffer.size() <= entry_bytes_max; buffer.resize(buffer.size() * 4)) {
        Entry entry{};
        Entry* found = nullptr;
        const int error = lookup(&entry, buffer.data(), buffer.size(), &found);
        if (error == ERANGE) continue;
        if (error != 0 || found == nullptr) return std::nullopt;
        return entry;
    }
    return std::nullopt;
}

std::optional<passwd> by_name(const std::string& name, std::vector<char>& buffer) {
    return look_up<passwd>(
        buffer, [&name](passwd* entry, char* data, std::size_t size, passwd** found) {
            return ::getpwnam_r(name.c_str(), entry, data, size, found);
        });
}

std::optional<passwd> by_uid(conf::Uid uid, std::vector<char>& buffer) {
    return look_up<passwd>(
        buffer, [uid](passwd* entry, char* data, std::size_t size, passwd** found) {
            return ::getpwuid_r(uid, entry, data, size, found);
        });
}

std::optional<group> group_by_name(const std::string& name, std::vector<char>& buffer) {
    return look_up<group>(buffer, [&name](group* entry, char* data, std::size_t size,
                                          group** found) {
        return ::getgrnam_r(name.c_str(), entry, data, size, found);
    });
}

template <class Ref>
std::string place_of(const Ref& account) {
    const std::string where = account.where.to_string();
    return where.empty() ? "" : where + ": ";
}

}  // namespace

conf::UidRange resolve_user(const conf::UserRef& user) {
    if (const auto* range = std::get_if<conf::UidRange>(&user.who)) return *range;
    const auto& name = std::get<std::string>(user.who);
    std::vector<char> buffer;
    if (const auto entry = by_name(name, buffer)) return {entry->pw_uid, entry->pw_uid};
    throw UnknownUser(place_of(user) + "user '" + name +
                      "' does not exist; create it (useradd -r " + name + ") or write its number");
}

conf::GidRange resolve_group(const conf::GroupRef& group) {
    if (const auto* range = std::get_if<conf::GidRange>(&group.who)) return *range;
    const auto& name = std::get<std::string>(group.who);
    std::vector<char> buffer;
    if (const auto entry = group_by_name(name, buffer)) return {entry->gr_gid, entry->gr_gid};
    throw UnknownUser(place_of(group) + "group '" + name +
                      "' does not exist; create it (groupadd -r " + name +
                      ") or write its number");
}

ProxyUsers resolve_proxy_users(const conf::Proxy& proxy) {
    ProxyUsers users;
    for (const auto& user : proxy.user) users.uids.push_back(resolve_user(user).first);
    if (!users.uids.empty()) return users;
    std::vector<char> buffer;
    if (by_uid(default_uid, buffer)) return {{default_uid}, std::nullopt};
    if (const auto entry = by_name("kuma-dp", buffer)) return {{entry->pw_uid}, std::nullopt};
    return {{default_uid},
            "no user 5678 and no user kuma-dp: the proxy is taken to run as uid 5678 (set "
            "proxy.user, or --kuma-dp-user)"};
}

std::optional<PasswdEntry> passwd_entry(conf::Uid uid) {
    std::vector<char> buffer;
    const auto entry = by_uid(uid, buffer);
    if (!entry) return std::nullopt;
    return PasswdEntry{entry->pw_name, entry->pw_gid};
}

}  // namespace meshgate
