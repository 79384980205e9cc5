#include "dns/wire/name.h"

#include <algorithm>

namespace meshgate::dns::wire {
namespace {

constexpr std::size_t header_bytes = 12;
constexpr std::size_t label_bytes_max = 63;
constexpr std::size_t name_bytes_max = 255;
constexpr std::uint8_t pointer_bits = 0xc0;

constexpr std::uint8_t to_lower(std::uint8_t c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<std::uint8_t>(c + ('a' - 'A')) : c;
}

}  // namespace

std::size_t read_name(std::span<const std::uint8_t> message, std::size_t offset,
                      std::span<std::uint8_t, 255> lower) noexcept {
    std::size_t length = 0;
    for (;;) {
        if (offset + length >= message.size()) return 0;
        const std::uint8_t label = message[offset + length];
        if (label > label_bytes_max) return 0;
        if (length + 1 + label > name_bytes_max) return 0;
        if (offset + length + 1 + label > message.size()) return 0;
        lower[length] = label;
        for (std::size_t i = 1; i <= label; ++i) {
            lower[length + i] = to_lower(message[offset + length + i]);
        }
        length += std::size_t{1} + label;
        if (label == 0) return length;
    }
}

ExpandedName expand_name(std::span<const std::uint8_t> message, std::size_t offset,
                         std::span<std::uint8_t, 255> lower) noexcept {
    ExpandedName name;
    std::size_t run = offset;  // where the run of labels began
    std::size_t length = 0;
    for (;;) {
        if (offset >= message.size()) return {};
        const std::uint8_t label = message[offset];
        if ((label & pointer_bits) == pointer_bits) {
            if (offset + 2 > message.size()) return {};
            const std::size_t target =
                (label & ~std::size_t{pointer_bits}) << 8U | message[offset + 1];
            if (name.end == 0) name.end = offset + 2;
            if (target >= run || target < header_bytes) return {};
            run = offset = target;
            continue;
        }
        if (label > label_bytes_max || length + 1 + label > name_bytes_max ||
            offset + 1 + label > message.size()) {
            return {};
        }
        lower[length] = label;
        for (std::size_t i = 1; i <= label; ++i) lower[length + i] = to_lower(message[offset + i]);
        length += std::size_t{1} + label;
        offset += std::size_t{1} + label;
        if (label != 0) continue;
        if (name.end == 0) name.end = offset;
        name.bytes = length;
        return name;
    }
}

std::size_t skip_name(std::span<const std::uint8_t> message, std::size_t offset) noexcept {
    const std::size_t start = offset;
    while (offset < message.size() && offset - start < name_bytes_max) {
        const std::uint8_t label = message[offset];
        if (label == 0) return offset + 1;
        if ((label & pointer_bits) == pointer_bits) {
            return offset + 2 <= message.size() ? offset + 2 : 0;
        }
        if (label > label_bytes_max) return 0;
        offset += std::size_t{1} + label;
    }
    return 0;
}

bool is_within(std::span<const std::uint8_t> name, std::span<const std::uint8_t> zone) noexcept {
    if (name.size() < zone.size()) return false;
    const std::size_t above = name.size() - zone.size();
    if (!std::equal(zone.begin(), zone.end(), name.subspan(above).begin())) return false;
    std::size_t at = 0;
    while (at < above) at += 1U + name[at];
    return at == above;
}

}  // namespace meshgate::dns::wire
