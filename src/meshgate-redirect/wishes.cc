#include "src/meshgate-redirect/wishes.h"

#include "conf/kuma/environment.h"
#include "conf/kuma/file.h"
#include "conf/kuma/resource_folder.h"
#include "conf/load.h"
#include "src/meshgate-redirect/flags.h"

#include <utility>

namespace meshgate::redirect {
namespace {

/// Kuma's files, one over the other, over one TOML file, over the defaults.
void read_files(const std::vector<std::string>& files, conf::kuma::Wishes& to) {
    for (const std::string& file : files) {
        const auto text = conf::read_text(file);
        const std::string name = file == "-" ? "standard input" : file;
        if (conf::kuma::is_kuma_file(name, text)) {
            conf::kuma::apply_file(text, name, to);
        } else if (&file != &files.front()) {
            throw UsageError("--config " + file + ": there is one TOML file, and it comes first");
        } else {
            conf::Loaded loaded = conf::parse(text, name);
            conf::kuma::add_resources(loaded);
            to.config = std::move(loaded.config);
        }
    }
}

}  // namespace

conf::kuma::Wishes wishes_of(const Invocation& invocation) {
    conf::kuma::Wishes wishes;
    if (invocation.configs.empty() && invocation.verb != Verb::import) {
        wishes.config = conf::kuma::load_with_resources(std::nullopt).config;
    }
    read_files(invocation.configs, wishes);
    conf::kuma::apply_environment(conf::kuma::process_environment(), wishes);
    if (invocation.verbose) wishes.verbose = invocation.verbose;
    if (invocation.dry_run) wishes.dry_run = invocation.dry_run;
    apply_flags(invocation.flags, wishes);
    if (auto found = conf::kuma::contradictions(wishes); !found.empty()) {
        throw conf::Error(std::move(found));
    }
    return wishes;
}

bool is_told(const Invocation& invocation) {
    return !invocation.configs.empty() || !invocation.flags.empty() ||
           !conf::kuma::process_environment().empty();
}

std::string ignored_warning(const conf::kuma::Wishes& wishes) {
    std::string names;
    for (const auto& name : wishes.ignored) names += (names.empty() ? "" : ", ") + name;
    if (names.empty()) return "";
    return "what is for iptables' programs alone means nothing here and is ignored: " + names;
}

}  // namespace meshgate::redirect
