#include "src/daemon/exposition.h"

namespace meshgate::daemon {

std::string labels(std::initializer_list<std::pair<std::string_view, std::string_view>> pairs) {
    std::string out;
    for (const auto& [key, value] : pairs) {
        if (!out.empty()) out += ',';
        out.append(key).append("=\"");
        for (const char c : value) {
            if (c == '"' || c == '\\' || c == '\n') out += '\\';
            out += c == '\n' ? 'n' : c;
        }
        out += '"';
    }
    return out;
}

}  // namespace meshgate::daemon
