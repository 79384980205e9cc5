#include "conf/sections.h"
#include "conf/values.h"

namespace meshgate::conf {

void read_guard(const toml::table& table, Guard& to, Findings& findings) {
    static constexpr Keys<2> keys{"admin", "hold"};
    TableReader reader{table, "guard", keys, findings};
    read_admin(reader, to.admin, to.admin_is_default);
    reader.read("hold", to.hold);
}

}  // namespace meshgate::conf
