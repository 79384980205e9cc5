#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace meshgate::test {

using Bytes = std::vector<std::uint8_t>;

/// Bytes of hexadecimal digits; blanks are for the reader.
inline Bytes hex(std::string_view digits) {
    Bytes bytes;
    unsigned value = 0;
    bool half = false;
    for (const char c : digits) {
        if (c == ' ') continue;
        value = value << 4U | static_cast<unsigned>(c <= '9' ? c - '0' : c - 'a' + 10);
        if (half) bytes.push_back(static_cast<std::uint8_t>(value));
        half = !half;
    }
    return bytes;
}

inline Bytes operator+(Bytes left, const Bytes& right) {
    left.insert(left.end(), right.begin(), right.end());
    return left;
}

/// "Web.meSH" A IN with RD; id beef.
inline const Bytes query =
    hex("beef 0100 0001 0000 0000 0000  03 576562 04 6d655348 00  0001 0001");
/// An OPT with payload size 4096 and DO.
inline const Bytes opt = hex("00 0029 1000 00 00 8000 0000");

inline Bytes with_counts(Bytes message, unsigned answers, unsigned authority, unsigned additional) {
    message[7] = static_cast<std::uint8_t>(answers);
    message[9] = static_cast<std::uint8_t>(authority);
    message[11] = static_cast<std::uint8_t>(additional);
    return message;
}

}  // namespace meshgate::test
