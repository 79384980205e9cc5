#include "src/common/log.h"

#include <unistd.h>

#include <cstdlib>
#include <string>

namespace meshgate::log {
namespace {

struct Settings {
    std::string program = "meshgate";
    Level least = Level::notice;
    bool journal = std::getenv("JOURNAL_STREAM") != nullptr;
};

Settings& settings() {
    static Settings instance;
    return instance;
}

std::string_view word(Level level) {
    switch (level) {
    case Level::error:
        return "error";
    case Level::warning:
        return "warning";
    case Level::notice:
        return "notice";
    case Level::info:
        return "info";
    case Level::debug:
        return "debug";
    }
    return "error";
}

void append_escaped(std::string& line, std::string_view text) {
    constexpr std::string_view hex = "0123456789abcdef";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= 0x20 && byte < 0x7f) {
            line += c;
        } else {
            line += "\\x";
            line += hex[byte >> 4U];
            line += hex[byte & 0xfU];
        }
    }
}

std::string line_of(Level level, std::string_view message) {
    std::string line;
    if (settings().journal) {
        line = "<" + std::to_string(static_cast<unsigned>(level)) + ">";
    } else {
        line = settings().program + ": " + std::string{word(level)} + ": ";
    }
    append_escaped(line, message);
    line += '\n';
    return line;
}

}  // namespace

void configure(std::string_view program, Level least) {
    settings().program = program;
    settings().least = least;
}

void write(Level level, std::string_view message) noexcept {
    if (level > settings().least) return;
    try {
        const std::string line = line_of(level, message);
        // One write: lines of several threads do not mix. A full pipe or a closed stderr is
        // nobody's to repair.
        [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line.data(), line.size());
    } catch (const std::exception&) {
        // Out of memory for a log line: the event itself is still handled by the caller.
    }
}

}  // namespace meshgate::log
