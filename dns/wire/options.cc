#include "dns/wire/options.h"

#include "dns/wire/bytes.h"

#include <algorithm>

namespace meshgate::dns::wire {
namespace {

constexpr std::size_t option_head_bytes = 4;  // code, length
// Of an OPT's fields, how far before its options they are.
constexpr std::size_t payload_size_back = 8, rdata_bytes_back = 2;

/// Calls `visit(option)` for each whole one, head included.
template <class Visit>
void for_each_option(std::span<const std::uint8_t> options, const Visit& visit) noexcept {
    while (options.size() >= option_head_bytes) {
        const std::size_t bytes = option_head_bytes + read16(options, 2);
        if (bytes > options.size()) return;
        visit(options.first(bytes));
        options = options.subspan(bytes);
    }
}

}  // namespace

std::size_t passed_option_bytes(std::span<const std::uint8_t> options) noexcept {
    std::size_t total = 0;
    for_each_option(options, [&total](std::span<const std::uint8_t> option) {
        if (!is_between_neighbours(read16(option, 0))) total += option.size();
    });
    return total;
}

std::size_t pass_options(std::span<const std::uint8_t> options,
                         std::span<std::uint8_t> out) noexcept {
    std::size_t at = 0;
    for_each_option(options, [&](std::span<const std::uint8_t> option) {
        if (is_between_neighbours(read16(option, 0))) return;
        // Forwards, so that it may be done in place.
        std::copy(option.begin(), option.end(), out.begin() + static_cast<std::ptrdiff_t>(at));
        at += option.size();
    });
    return at;
}

void make_opt_ours(std::vector<std::uint8_t>& query, const Edns& edns) {
    const std::size_t begin = edns.options_offset;
    if (begin + edns.options_bytes != query.size()) return;
    write16(query, begin - payload_size_back, udp_payload_ours);
    const auto options = std::span{query}.subspan(begin);
    if (options.empty()) return;
    const std::size_t kept = pass_options(options, options);
    write16(query, begin - rdata_bytes_back, kept);
    query.resize(begin + kept);
}

}  // namespace meshgate::dns::wire
