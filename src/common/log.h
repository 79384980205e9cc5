#pragma once

#include <span>
#include <string>
#include <string_view>

/// Messages for people, one event a line, on standard error: "meshgate-dns: warning: ...". Below
/// systemd (JOURNAL_STREAM) each line carries its syslog level as "<4>", sd-daemon(3), instead of
/// the words.
namespace meshgate::log {

enum class Level : unsigned char { error = 3, warning = 4, notice = 5, info = 6, debug = 7 };

/// The name before every line, and the least important level that is written (default: notice).
void configure(std::string_view program, Level least);

/// Writes one line. Control characters and bytes above 0x7e are written as \xNN: texts may come
/// from the network.
void write(Level level, std::string_view message) noexcept;

inline void error(std::string_view message) noexcept {
    write(Level::error, message);
}
inline void warning(std::string_view message) noexcept {
    write(Level::warning, message);
}
/// Each a line.
inline void warnings(std::span<const std::string> messages) noexcept {
    for (const std::string& message : messages) warning(message);
}
inline void notice(std::string_view message) noexcept {
    write(Level::notice, message);
}
inline void info(std::string_view message) noexcept {
    write(Level::info, message);
}
inline void debug(std::string_view message) noexcept {
    write(Level::debug, message);
}

}  // namespace meshgate::log
