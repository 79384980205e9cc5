#include "src/meshgate-dns/hosts_files.h"

#include "dns/zone/hosts_text.h"
#include "src/common/errors.h"
#include "src/common/unique_fd.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

namespace meshgate::dnsd {
namespace {

constexpr std::size_t chunk_bytes = std::size_t{64} << 10;
constexpr std::uint64_t file_bytes_max = std::uint64_t{1} << 30;

/// Any one word of a chunk that changes changes it; several do, but for once in 2^64. Nobody gains
/// by finding that: who may write the file may write any name into it. 20 GB/s, as a file of a
/// million names is gone through for each line that is added.
std::uint64_t digest(std::string_view chunk) noexcept {
    constexpr std::uint64_t factor = 0x9e3779b97f4a7c15;
    std::array<std::uint64_t, 4> lanes{chunk.size(), 1, 2, 3};
    while (!chunk.empty()) {
        std::array<std::uint64_t, 4> words{};
        const std::size_t bytes = std::min(chunk.size(), sizeof words);
        std::memcpy(words.data(), chunk.data(), bytes);
        chunk.remove_prefix(bytes);
        for (std::size_t i = 0; i < lanes.size(); ++i) {
            lanes[i] = std::rotl((lanes[i] ^ words[i]) * factor, 31);
        }
    }
    std::uint64_t out = 0;
    for (const std::uint64_t lane : lanes) out = std::rotl((out ^ lane) * factor, 31);
    return out;
}

std::vector<std::uint64_t> digests_of(std::string_view text) {
    std::vector<std::uint64_t> out;
    for (; !text.empty(); text.remove_prefix(std::min(text.size(), chunk_bytes))) {
        out.push_back(digest(text.substr(0, chunk_bytes)));
    }
    return out;
}

/// A regular file, so that reading never waits.
UniqueFd open_regular(const std::string& path) {
    UniqueFd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    if (!fd) throw_errno("hosts " + path);
    struct stat what {};
    if (::fstat(fd.get(), &what) != 0) throw_errno("hosts " + path);
    if (!S_ISREG(what.st_mode))
        throw_errno("hosts " + path, S_ISDIR(what.st_mode) ? EISDIR : EINVAL);
    return fd;
}

std::size_t read_some(const UniqueFd& fd, const std::string& path, char* to, std::size_t bytes) {
    for (;;) {
        const ssize_t n = ::read(fd.get(), to, bytes);
        if (n >= 0) return static_cast<std::size_t>(n);
        if (errno != EINTR) throw_errno("hosts " + path);
    }
}

/// As much as there is, up to `bytes`.
std::size_t read_full(const UniqueFd& fd, const std::string& path, char* to, std::size_t bytes) {
    std::size_t got = 0;
    while (got < bytes) {
        const std::size_t n = read_some(fd, path, to + got, bytes - got);
        if (n == 0) break;
        got += n;
    }
    return got;
}

std::string read_all(const std::string& path) {
    const UniqueFd fd = open_regular(path);
    struct stat what {};
    if (::fstat(fd.get(), &what) != 0) throw_errno("hosts " + path);
    if (static_cast<std::uint64_t>(what.st_size) > file_bytes_max) {
        throw_errno("hosts " + path, EFBIG);
    }
    std::string text(static_cast<std::size_t>(what.st_size), '\0');
    text.resize(read_full(fd, path, text.data(), text.size()));
    return text;
}

std::uint32_t lines_of(std::string_view text) {
    return static_cast<std::uint32_t>(std::count(text.begin(), text.end(), '\n'));
}

bool ends_line(std::string_view text) {
    return text.empty() || text.back() == '\n';
}

/// The end of a file of which the beginning is known.
struct Behind {
    std::string text;       ///< from the chunk on in which the known bytes end
    std::size_t known = 0;  ///< of them

    [[nodiscard]] std::string_view unknown() const { return std::string_view{text}.substr(known); }
};

constexpr std::size_t behind_bytes_max = std::size_t{1} << 20;

/// Reads a file whose first bytes have these digests. Empty when they have others now, or when
/// there is so much behind them that the whole may as well be read.
std::optional<Behind> read_behind(const std::string& path, std::uint64_t known_bytes,
                                  const std::vector<std::uint64_t>& digests) {
    const UniqueFd fd = open_regular(path);
    const auto buffer = std::make_unique_for_overwrite<char[]>(chunk_bytes);
    Behind behind;
    for (std::uint64_t before = 0, i = 0;; before += chunk_bytes, ++i) {
        const std::string_view chunk{buffer.get(), read_full(fd, path, buffer.get(), chunk_bytes)};
        const std::uint64_t rest = known_bytes - std::min(known_bytes, before);
        const auto known = static_cast<std::size_t>(std::min<std::uint64_t>(rest, chunk_bytes));
        if (chunk.size() < known) return std::nullopt;
        if (known != 0 && digest(chunk.substr(0, known)) != digests[i]) return std::nullopt;
        if (known < chunk_bytes) {
            if (behind.text.empty()) behind.known = known;
            behind.text += chunk;
        }
        if (chunk.size() < chunk_bytes) return behind;
        if (behind.text.size() > behind_bytes_max) return std::nullopt;
    }
}

}  // namespace

HostsFiles::HostsFiles(const conf::Config& config, const HostsFiles* before)
    : ttl_(config.mesh.ttl), ipv4_(config.redirect.ip_family != conf::IpFamilyMode::ipv6),
      ipv6_(config.redirect.ip_family != conf::IpFamilyMode::ipv4) {
    for (const conf::HostsFile& configured : config.hosts) {
        File& file = files_.emplace_back();
        file.configured = configured;
        if (before == nullptr) continue;
        file.was_read = std::any_of(
            before->files_.begin(), before->files_.end(), [&configured](const File& other) {
                return other.was_read && other.configured.file == configured.file;
            });
    }
}

std::vector<std::string> HostsFiles::paths() const {
    std::vector<std::string> paths;
    for (const File& file : files_) paths.push_back(file.configured.file);
    return paths;
}

dns::zone::Source HostsFiles::source_of(const File& file, std::string_view text,
                                        std::uint32_t first_line,
                                        std::vector<std::string>& warnings) const {
    auto read = dns::zone::read_hosts(text, first_line);
    const std::string& path = file.configured.file;
    for (const auto& problem : read.problems) {
        warnings.push_back(path + ":" + std::to_string(problem.line) + ": " + problem.message);
    }
    if (read.passed_over > read.problems.size()) {
        warnings.push_back(path + ": " + std::to_string(read.passed_over - read.problems.size()) +
                           " more words are passed over");
    }
    return {"hosts",
            file.configured.ttl.value_or(ttl_),
            ipv4_,
            ipv6_,
            std::make_shared<const dns::zone::HostList>(std::move(read.hosts)),
            true};
}

std::vector<dns::zone::Source> HostsFiles::read(std::vector<std::string>& warnings) {
    std::vector<dns::zone::Source> sources;
    for (File& file : files_) {
        std::string text;
        try {
            text = read_all(file.configured.file);
        } catch (const std::system_error& error) {
            if (file.was_read) throw;
            warnings.push_back(std::string{error.what()} + ": its names come when it is there");
            continue;
        }
        file.was_read = true;
        file.bytes = text.size();
        file.lines = lines_of(text);
        file.ends_line = ends_line(text);
        file.digests = digests_of(text);
        sources.push_back(source_of(file, text, 1, warnings));
    }
    return sources;
}

std::optional<std::vector<HostsFiles::Added>>
HostsFiles::read_added(std::vector<std::string>& warnings) {
    std::vector<Added> added;
    for (File& file : files_) {
        if (!file.was_read) {
            if (::access(file.configured.file.c_str(), F_OK) != 0) continue;
            return std::nullopt;
        }
        const auto behind = read_behind(file.configured.file, file.bytes, file.digests);
        if (!behind) return std::nullopt;
        const std::string_view tail = behind->unknown();
        // A line that is not whole yet may be another one in a moment.
        if (!file.ends_line || !ends_line(tail)) return std::nullopt;
        if (tail.empty()) continue;
        const bool last = &file == &files_.back();
        added.push_back({source_of(file, tail, file.lines + 1, warnings),
                         last ? dns::zone::Position::last : dns::zone::Position::anywhere});
        file.bytes += tail.size();
        file.lines += lines_of(tail);
        file.digests.resize((file.bytes - tail.size()) / chunk_bytes);
        const auto fresh = digests_of(behind->text);
        file.digests.insert(file.digests.end(), fresh.begin(), fresh.end());
    }
    return added;
}

}  // namespace meshgate::dnsd
