#pragma once

#include "conf/config.h"

#include <string>

namespace meshgate::conf {

/// What a configuration says to meshgate-redirect (resolv_conf, [proxy], [redirect]), as TOML that
/// parse() reads back: only what differs from the defaults, so the text of the default is empty.
std::string redirect_toml(const Config& config);

}  // namespace meshgate::conf
