#include "dns/zone/vips.h"

#include "src/common/errors.h"
#include "src/common/unique_fd.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

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

std::string to_text(const VipState& state) {
    std::string text{header};
    append_table(text, "ipv4", state.ipv4);
    append_table(text, "ipv6", state.ipv6);
    return text;
}

VipState parse_state(std::string_view text, std::string_view name) {
    VipState state;
    std::map<std::string, conf::IpAddress>* table = nullptr;
    std::set<conf::IpAddress> seen;
    for (std::uint32_t number = 1; !text.empty(); ++number) {
        const auto end = std::min(text.find('\n'), text.size());
        const auto line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line.empty() || line.starts_with('#')) continue;
        if (line == "[ipv4]" || line == "[ipv6]") {
            table = line == "[ipv4]" ? &state.ipv4 : &state.ipv6;
            continue;
        }
        const auto entry = split(line);
        if (!entry || table == nullptr) bad_line(name, number, "is no line of a state file");
        const auto address = conf::IpAddress::parse(entry->second);
        const auto family = table == &state.ipv4 ? conf::Family::ipv4 : conf::Family::ipv6;
        if (!address || address->family() != family) {
            bad_line(name, number,
                     "'" + std::string{entry->second} + "' is no address of this table");
        }
        if (!seen.insert(*address).second ||
            !table->emplace(std::string{entry->first}, *address).second) {
            bad_line(name, number, "a service or an address stands here twice");
        }
    }
    return state;
}

VipState read_state(const std::string& file) {
    const auto text = read_text(file);
    return text ? parse_state(*text, file) : VipState{};
}

void write_state(const std::string& file, const VipState& state) {
    const std::string text = to_text(state);
    if (read_text(file) == text) return;
    const std::string beside = file + ".new";
    UniqueFd fd{
        ::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644)};
    if (!fd) throw_errno(beside);
    try {
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
