#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace meshgate::dns::forward {

/// A query less its OPT, for a server that does not know EDNS (RFC 6891 section 6.2.2). The bytes
/// are the query's own: while this lives, they count one record less.
class PlainQuery {
public:
    /// @param wanted  false: the query as it is
    PlainQuery(std::span<std::uint8_t> query, bool wanted) noexcept;
    PlainQuery(const PlainQuery&) = delete;
    PlainQuery& operator=(const PlainQuery&) = delete;
    ~PlainQuery();

    [[nodiscard]] std::span<std::uint8_t> bytes() const noexcept { return query_.first(bytes_); }

    /// Whether there is an OPT to leave out, and nothing else behind the question.
    static bool is_possible(std::span<const std::uint8_t> query) noexcept;

private:
    std::span<std::uint8_t> query_;
    std::size_t bytes_;
};

/// A reply that says, or may say, that the server does not know EDNS: FORMERR or NOTIMP, and no
/// OPT.
bool may_refuse_edns(std::span<const std::uint8_t> reply) noexcept;

}  // namespace meshgate::dns::forward
