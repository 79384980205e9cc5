#include "conf/corefile/directives.h"

#include "conf/words.h"
#include "src/common/nearest.h"

#include <array>

namespace meshgate::conf::corefile {
namespace {

struct Directive {
    std::string_view word;
    void (*read)(const Line&, Reading&);
};

constexpr std::array<Directive, 12> directives{{
    {"forward", read_forward},
    {"alternate", read_alternate},
    {"template", read_template},
    {"hosts", read_hosts},
    {"cache", read_cache},
    {"bind", read_bind},
    {"prometheus", read_prometheus},
    {"errors", read_errors},
    {"log", read_log},
    {"reload", read_reload},
    {"health", read_health},
    {"ready", read_ready},
}};

void refuse(const Line& line, Problems& problems) {
    const std::string_view word = line.word.text;
    if (const auto instead = instead_of(word); !instead.empty()) {
        problems.error(line.word, in_quotes(word) + " is not read: " + std::string{instead});
        return;
    }
    std::array<std::string_view, directives.size()> known;
    std::transform(directives.begin(), directives.end(), known.begin(),
                   [](const Directive& directive) { return directive.word; });
    std::string message = "unknown directive " + in_quotes(word);
    if (const auto near = nearest(word, known); !near.empty()) {
        message += ", did you mean '" + std::string{near} + "'?";
    } else {
        message += "; meshgate.toml has what this program can do besides";
    }
    problems.error(line.word, std::move(message));
}

}  // namespace

void read_directive(const Line& line, Reading& reading) {
    const auto* const found =
        std::find_if(directives.begin(), directives.end(),
                     [&](const Directive& directive) { return directive.word == line.word.text; });
    if (found == directives.end()) return refuse(line, reading.problems);
    found->read(line, reading);
}

}  // namespace meshgate::conf::corefile
