#include "conf/corefile/addresses.h"
#include "conf/corefile/directives.h"
#include "conf/corefile/words.h"
#include "conf/words.h"

#include <array>
#include <utility>

/// bind, prometheus, errors, log, reload, health and ready.
namespace meshgate::conf::corefile {
namespace {

using Kind = OptionRule::Kind;

constexpr std::string_view common_format =
    R"({remote}:{port} - {>id} "{type} {class} {name} {proto} {size} {>do} {>bufsize}" )"
    R"({rcode} {>rflags} {rsize} {duration})";
constexpr std::string_view combined_format =
    R"({remote}:{port} - {>id} "{type} {class} {name} {proto} {size} {>do} {>bufsize}" )"
    R"({rcode} {>rflags} {rsize} {duration} {>opcode})";

constexpr std::array<OptionRule, 2> bind_options{{
    {"except", 1, 1, Kind::refused, "bind the addresses that it shall have"},
    {"exclude", 1, 1, Kind::refused, "bind the addresses that it shall have"},
}};
constexpr std::array<OptionRule, 2> errors_options{{
    {"consolidate", 2, 4, Kind::ignored},  // failures are told together
    {"stacktrace", 0, 0, Kind::ignored},
}};
constexpr std::array<OptionRule, 1> log_options{{{"class", 1, 4}}};
constexpr std::array<OptionRule, 1> health_options{{{"lameduck", 1, 1, Kind::ignored}}};
constexpr std::array<OptionRule, 1> ready_options{{{"monitor", 1, 1, Kind::ignored}}};

void read_classes(const Line& option, LogClasses& classes, Problems& problems) {
    for (const Token& word : option.arguments) {
        if (word.text == "all") {
            classes = {};
        } else if (word.text == "success") {
            classes.success = true;
        } else if (word.text == "denial") {
            classes.denial = true;
        } else if (word.text == "error") {
            classes.error = true;
        } else {
            problems.error(word, about(word, "is no class (success, denial, error or all)"));
        }
    }
}

void set_once(std::optional<HttpAt>& to, HttpAt at, const Line& line, Problems& problems) {
    if (to) problems.error(line.word, in_quotes(line.word.text) + " may stand once in a block");
    to = std::move(at);
}

void read_nothing(const Line& line, std::span<const OptionRule> rules, Problems& problems) {
    read_options(line, rules, problems, [](const Line&) {});
}

}  // namespace

void read_bind(const Line& line, Reading& reading) {
    if (!expect_arguments(line, 1, 64, reading.problems)) return;
    read_nothing(line, bind_options, reading.problems);
    for (const Token& word : line.arguments) {
        if (!IpAddress::parse(word.text) && !is_interface_pattern(word.text)) {
            reading.problems.error(word, about(word, "is neither an address nor an interface"));
        }
        reading.block.bind.push_back(word.text);
    }
}

void read_prometheus(const Line& line, Reading& reading) {
    set_once(reading.block.prometheus, read_http_address(line, "localhost:9153", reading.problems),
             line, reading.problems);
    read_nothing(line, {}, reading.problems);
}

void read_health(const Line& line, Reading& reading) {
    set_once(reading.block.health, read_http_address(line, ":8080", reading.problems), line,
             reading.problems);
    read_nothing(line, health_options, reading.problems);
}

void read_ready(const Line& line, Reading& reading) {
    set_once(reading.block.ready, read_http_address(line, ":8181", reading.problems), line,
             reading.problems);
    read_nothing(line, ready_options, reading.problems);
}

void read_errors(const Line& line, Reading& reading) {
    expect_arguments(line, 0, 1, reading.problems);
    read_nothing(line, errors_options, reading.problems);
    reading.block.errors = true;
}

void read_log(const Line& line, Reading& reading) {
    Log log;
    log.where = line.word.where;
    log.format = common_format;
    auto names = line;
    if (!names.arguments.empty() && names.arguments.back().text.find('{') != std::string::npos) {
        log.format = names.arguments.back().text;
        names.arguments.pop_back();
    }
    if (log.format == "{common}") log.format = common_format;
    if (log.format == "{combined}") log.format = combined_format;
    const auto zones = read_zones(names, 0, reading.problems);
    if (!zones.empty() && zones != std::vector<std::string>{""}) {
        reading.problems.warning(line.word, "'log' is for every zone of its port here");
    }
    bool has_classes = false;
    read_options(line, log_options, reading.problems, [&](const Line& option) {
        if (!std::exchange(has_classes, true)) log.classes = {false, false, false};
        read_classes(option, log.classes, reading.problems);
    });
    reading.block.log = std::move(log);
}

void read_reload(const Line& line, Reading& reading) {
    Problems& problems = reading.problems;
    if (!expect_arguments(line, 0, 2, problems)) return;
    const bool off = line.arguments.size() == 1 && line.arguments[0].text == "off";
    for (const Token& word : line.arguments) {
        if (!off && !parse_duration(word.text)) {
            problems.error(word, about(word, "is no time such as 30s"));
        }
    }
    reading.block.reload = !off;
}

}  // namespace meshgate::conf::corefile
