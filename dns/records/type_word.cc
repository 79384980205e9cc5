#include "dns/records/type_word.h"

#include "src/common/c_handle.h"

#include <ldns/ldns.h>

#include <cstdlib>

namespace meshgate::dns::records {

std::string type_word(std::uint16_t type) {
    const CHandle<char, std::free> word{ldns_rr_type2str(static_cast<ldns_rr_type>(type))};
    return word ? word.get() : "TYPE" + std::to_string(type);
}

std::optional<std::uint16_t> parse_type(std::string_view word) {
    const ldns_rr_type number = ldns_get_rr_type_by_name(std::string{word}.c_str());
    if (number == 0) return std::nullopt;
    return static_cast<std::uint16_t>(number);
}

}  // namespace meshgate::dns::records
