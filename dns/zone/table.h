#pragma once

#include "dns/wire/question.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace meshgate::dns::zone {

/// The names this server owns, compiled: immutable, shared by all workers, swapped whole.
///
/// A look-up is one hash probe over the lower-cased wire name; answering allocates nothing and
/// takes no lock.
class Table {
public:
    virtual ~Table() = default;
    Table(const Table&) = delete;
    Table& operator=(const Table&) = delete;

    /// Answers a question about an owned name or under an owned suffix: the answer, NODATA or
    /// NXDOMAIN with SOA, a minimal ANY, PTR of a VIP; class IN only (others REFUSED under an owned
    /// suffix). Design.md section 4 has the rules.
    ///
    /// @param limit bytes the client can take; a larger answer becomes an empty one with TC=1.
    /// @param out   at least 1232 bytes, better 65535.
    /// @return bytes written; 0: not ours, forward it.
    virtual std::size_t answer(const wire::Question& question, std::size_t limit,
                               std::span<std::uint8_t> out) const noexcept = 0;

    /// Answers a question as if its name were an alias of `target` (lower-case wire form): a CNAME,
    /// and what `target` has of the type, or NODATA.
    ///
    /// @return bytes written; 0, and nothing is written: `target` has no data here, or the question
    ///   is of another class or for a transfer.
    virtual std::size_t answer_alias(const wire::Question& question,
                                     std::span<const std::uint8_t> target, std::size_t limit,
                                     std::span<std::uint8_t> out) const noexcept {
        static_cast<void>(question), static_cast<void>(target), static_cast<void>(limit);
        static_cast<void>(out);
        return 0;
    }

    [[nodiscard]] virtual std::size_t
    names() const noexcept = 0;  ///< owner names with data, PTR names apart

    /// False while a source of names has not told yet what it knows: then an NXDOMAIN of this table
    /// may be wrong in a moment.
    [[nodiscard]] virtual bool is_complete() const noexcept { return true; }

protected:
    Table() = default;
};

}  // namespace meshgate::dns::zone
