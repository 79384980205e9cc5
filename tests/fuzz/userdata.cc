// The userdata of a table or rule is whatever the last root put there: reading it stays within its
// bytes, and what it reads as ours can be written and is read the same again.

#include "netfilter/nftnl/userdata.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <stdexcept>

using namespace meshgate::netfilter;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::span<const std::uint8_t> input{data, size};
    for (const std::uint8_t type : {0, 1, 7}) {
        const auto text = find_text(input, type);
        if (text && (text->size() > 254 || text->find('\0') != text->npos)) std::abort();
    }
    const auto read = read_ownership(input);
    if (!read) return 0;
    try {
        const auto again = read_ownership(write_ownership(*read));
        if (!again || again->format != read->format || again->version != read->version ||
            again->digest != read->digest) {
            std::abort();
        }
    } catch (const std::length_error&) {
        // longer than what nft prints: such a comment is not from us
    }
    return 0;
}
