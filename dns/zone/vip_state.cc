#include "dns/zone/vip_state.h"

#include "src/common/errors.h"
#include "src/common/unique_fd.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <set>
#include <utility>

namespace meshgate::dns::zone {
namespace {

constexpr std::string_view header =
    "# Which service has which address: kept so that addresses stay. Written by meshgate-dns.\n";
constexpr std::size_t state_bytes_max = std::size_t{256} << 20;

[[noreturn]] void bad_line(std::string_view file, std::uint32_t line, std::string message) {
    throw conf::Error({{{std::string{file}, line, 1}, std::move(message)}});
}

void append_table(std::string& text, std::string_view name,
                  const std::map<std::string, conf::IpAddress>& addresses) {
    if (addresses.empty()) return;
    text += "\n[" + std::string{name} + "]\n";
    for (const auto& [service, address] : addresses) {
        text += '"' + service + "\" = \"" + address.to_string() + "\"\n";
    }
}

void append_resting(std::string& text, std::string_view name,
                    const std::map<std::string, RestingVip>& addresses) {
    if (addresses.empty()) return;
    text += "\n[" + std::string{name} + "]\n";
    for (const auto& [service, resting] : addresses) {
        text += '"' + service + "\" = \"" + resting.address.to_string() + " since " +
                to_text(resting.since) + "\"\n";
    }
}

/// "2026-11-24T01:02:03Z", as to_text writes it.
std::optional<std::chrono::sys_seconds> parse_time(const std::string& text) {
    std::tm tm{};
    int used = 0;
    const int read =
        std::sscanf(text.c_str(), "%4d-%2d-%2dT%2d:%2d:%2dZ%n", &tm.tm_year, &tm.tm_mon,
                    &tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &used);
    if (read != 6 || static_cast<std::size_t>(used) != text.size()) return std::nullopt;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    const std::chrono::sys_seconds time{std::chrono::seconds{::timegm(&tm)}};
    if (to_text(time) != text) return std::nullopt;
    return time;
}

/// "240.0.0.7 since 2026-11-24T01:02:03Z"
std::optional<RestingVip> parse_resting(std::string_view text) {
    constexpr std::string_view middle = " since ";
    const auto at = text.find(middle);
    if (at == text.npos) return std::nullopt;
    const auto address = conf::IpAddress::parse(text.substr(0, at));
    const auto since = parse_time(std::string{text.substr(at + middle.size())});
    if (!address || !since) return std::nullopt;
    return RestingVip{*address, *since};
}

/// `"service" = "address"`, as to_text writes it.
std::optional<std::pair<std::string_view, std::string_view>> split(std::string_view line) {
    constexpr std::string_view middle = "\" = \"";
    const auto at = line.find(middle);
    if (!line.starts_with('"') || !line.ends_with('"') || at == line.npos || at < 2) {
        return std::nullopt;
    }
    const auto value = line.substr(at + middle.size());
    if (value.empty()) return std::nullopt;
    return std::pair{line.substr(1, at - 1), value.substr(0, value.size() - 1)};
}

void write_all(int fd, std::string_view text, const std::string& what) {
    while (!text.empty()) {
        const ssize_t written = ::write(fd, text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) throw_errno(what);
        text.remove_prefix(static_cast<std::size_t>(written));
    }
}

std::optional<std::string> read_text(const std::string& file) {
    std::ifstream in{file, std::ios::binary};
    if (!in && errno == ENOENT) return std::nullopt;
    if (!in) throw_errno(file);
    std::string text{std::istreambuf_iterator<char>{in}, {}};
    if (in.bad()) throw_errno(file);
    if (text.size() > state_bytes_max) bad_line(file, 1, "is larger than 256 MiB");
    return text;
}

/// A rename lasts only when the folder has been written too.
void sync_folder(const std::string& folder) {
    const UniqueFd fd{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (fd) static_cast<void>(::fsync(fd.get()));
}

}  // namespace

std::string to_text(std::chrono::sys_seconds time) {
    const std::time_t seconds = time.time_since_epoch().count();
    std::tm tm{};
    ::gmtime_r(&seconds, &tm);
    std::array<char, 32> text{};
    const std::size_t bytes = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &tm);
    return {text.data(), bytes};
}

std::string to_text(const VipState& state) {
    std::string text{header};
    append_table(text, "ipv4", state.ipv4);
    append_table(text, "ipv6", state.ipv6);
    append_resting(text, "resting4", state.resting4);
    append_resting(text, "resting6", state.resting6);
    return text;
}

namespace {

/// The lines of a state file, one by one, into a state.
class StateReader {
public:
    explicit StateReader(std::string_view name) : name_(name) {}

    void read(std::string_view line, std::uint32_t number) {
        static constexpr std::array<std::string_view, 4> heads{"[ipv4]", "[ipv6]", "[resting4]",
                                                               "[resting6]"};
        if (line.empty() || line.starts_with('#')) return;
        const auto head = std::find(heads.begin(), heads.end(), line);
        if (head != heads.end()) {
            table_ = static_cast<std::size_t>(head - heads.begin());
            return;
        }
        const auto entry = split(line);
        if (!entry || !table_) bad_line(name_, number, "is no line of a state file");
        const bool is_resting = *table_ >= 2;
        std::optional<RestingVip> value;
        if (is_resting) {
            value = parse_resting(entry->second);
        } else if (const auto address = conf::IpAddress::parse(entry->second)) {
            value = RestingVip{*address, {}};
        }
        const auto family = *table_ % 2 == 0 ? conf::Family::ipv4 : conf::Family::ipv6;
        if (!value || value->address.family() != family) {
            bad_line(name_, number,
                     "'" + std::string{entry->second} + "' is no address of this table");
        }
        if (!seen_.insert(value->address).second || !keep(std::string{entry->first}, *value)) {
            bad_line(name_, number, "a service or an address stands here twice");
        }
    }

    VipState take() { return std::move(state_); }

private:
    bool keep(std::string key, const RestingVip& value) {
        switch (*table_) {
        case 0:
            return state_.ipv4.emplace(std::move(key), value.address).second;
        case 1:
            return state_.ipv6.emplace(std::move(key), value.address).second;
        case 2:
            return state_.resting4.emplace(std::move(key), value).second;
        default:
            return state_.resting6.emplace(std::move(key), value).second;
        }
    }

    std::string_view name_;
    VipState state_;
    std::optional<std::size_t> table_;
    std::set<conf::IpAddress> seen_;
};

}  // namespace

namespace {

/// Calls `one` with every line and its number.
template <class One>
void for_each_line(std::string_view text, One one) {
    for (std::uint32_t number = 1; !text.empty(); ++number) {
        const auto end = std::min(text.find('\n'), text.size());
        one(text.substr(0, end), number);
        text.remove_prefix(std::min(end + 1, text.size()));
    }
}

}  // namespace

VipState parse_state(std::string_view text, std::string_view name) {
    StateReader reader{name};
    for_each_line(text, [&reader](std::string_view line, std::uint32_t number) {
        reader.read(line, number);
    });
    return reader.take();
}

VipState read_state(const std::string& file, std::vector<conf::Diagnostic>& faults) {
    constexpr std::size_t faults_max = 8;
    const auto text = read_text(file);
    if (!text) return {};
    StateReader reader{file};
    std::size_t found = 0;
    for_each_line(*text, [&](std::string_view line, std::uint32_t number) {
        try {
            reader.read(line, number);
        } catch (const conf::Error& error) {
            if (++found <= faults_max) faults.push_back(error.diagnostics().front());
        }
    });
    return reader.take();
}

bool is_emptied(const std::string& file) {
    std::error_code is_missing;
    return std::filesystem::file_size(file, is_missing) == 0;
}

std::string emptied_message(const std::string& file) {
    return file + " is empty, and said who has which address: it was emptied by somebody, or by a "
                  "disk that lost its power";
}

namespace {

/// What root writes in the folder of dns.user is for that user to read; who owns the folder can replace
/// it in any case.
void give_to_owner_of(const std::filesystem::path& folder, int fd) {
    struct stat status {};
    if (::geteuid() != 0 || ::stat(folder.c_str(), &status) != 0) return;
    [[maybe_unused]] const int owned = ::fchown(fd, status.st_uid, status.st_gid);
    [[maybe_unused]] const int readable = ::fchmod(fd, 0644);
}

}  // namespace

void write_state(const std::string& file, const VipState& state) {
    const std::string text = to_text(state);
    const std::string beside = file + ".new";
    ::unlink(beside.c_str());  // of a writer that was killed
    if (read_text(file) == text) return;
    UniqueFd fd{::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644)};
    if (!fd) throw_errno(beside);
    try {
        give_to_owner_of(std::filesystem::path{file}.parent_path(), fd.get());
        write_all(fd.get(), text, beside);
        if (::fsync(fd.get()) != 0) throw_errno(beside);
        fd.reset();
        if (::rename(beside.c_str(), file.c_str()) != 0) throw_errno(file);
    } catch (...) {
        ::unlink(beside.c_str());
        throw;
    }
    sync_folder(std::filesystem::path{file}.parent_path());
}

}  // namespace meshgate::dns::zone
