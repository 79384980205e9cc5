#include "dns/records/type_word.h"

#include "src/common/c_handle.h"

#include <ldns/ldns.h>

#include <cstdlib>

namespace meshgate::dns::records {

std::string type_word(std::uint16_t type) {
    const CHandle<char, std::free> word{ldns_rr_type2str(static_cast<ldns_rr_type>(type))};
    return word ? word.get() : "TYPE" + std::to_string(type);
}

}  // namespace meshgate::dns::records
