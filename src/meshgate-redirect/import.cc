#include "conf/load.h"
#include "conf/redirect_toml.h"
#include "src/common/log.h"
#include "src/meshgate-redirect/verbs.h"
#include "src/meshgate-redirect/wishes.h"

#include <iostream>
#include <stdexcept>

namespace meshgate::redirect {
namespace {

/// Whatever was written is what will be read, or it is not written.
void require_same(const conf::Config& config, const std::string& text) {
    if (conf::parse(text, "the TOML").config == config) return;
    throw std::runtime_error("this cannot be said in TOML");
}

}  // namespace

ExitCode import(const Invocation& invocation) {
    const auto wishes = wishes_of(invocation);
    const auto text = conf::redirect_toml(wishes.config);
    require_same(wishes.config, text);
    if (const auto line = ignored_warning(wishes); !line.empty()) log::warning(line);
    if (wishes.store_firewalld) {
        log::warning("firewalld is no matter of the configuration: give --store-firewalld to "
                     "install");
    }
    std::cout << (text.empty() ? "# All of it is the default.\n" : text);
    return ExitCode::done;
}

}  // namespace meshgate::redirect
