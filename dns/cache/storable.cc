#include "dns/cache/storable.h"

#include "dns/wire/bytes.h"
#include "dns/wire/name.h"
#include "dns/wire/options.h"
#include "dns/wire/record.h"
#include "dns/wire/reply.h"

#include <algorithm>

namespace meshgate::dns::cache {
namespace {

using wire::RecordView;
using Bytes = std::span<const std::uint8_t>;

constexpr std::size_t chain_names_max = 9;  // eight CNAMEs, more than resolvers follow
namespace type {
constexpr std::uint16_t rrsig = 46, nsec = 47, nsec3 = 50;
}

struct Name {
    std::size_t bytes = 0;
    std::array<std::uint8_t, wire::name_bytes_max> lower;

    [[nodiscard]] Bytes view() const noexcept { return {lower.data(), bytes}; }
};

bool equal(Bytes one, Bytes other) noexcept {
    return std::equal(one.begin(), one.end(), other.begin(), other.end());
}

/// Whether `name` is `zone` or below it.
bool is_in(Bytes name, Bytes zone) noexcept {
    while (name.size() > zone.size()) name = name.subspan(std::size_t{1} + name[0]);
    return equal(name, zone);
}

/// RFC 2181 section 8: a TTL with its first bit set is 0.
std::uint32_t valid_ttl(std::uint32_t ttl) noexcept {
    return ttl > 0x7fffffffU ? 0 : ttl;
}

class Judge {
public:
    Judge(const wire::Question& question, Bytes reply) : question_(question), reply_(reply) {}

    std::optional<Storable> judge() noexcept {
        if (!may_be_kept()) return std::nullopt;
        at_ = question_.end();
        chain_[0].bytes = question_.qname_bytes;
        std::copy_n(question_.lower_qname.begin(), question_.qname_bytes, chain_[0].lower.begin());
        out_.ttl = positive_ttl_max;
        if (!read_answers()) return std::nullopt;
        const bool nxdomain = wire::header_rcode(reply_) == wire::Rcode::nxdomain;
        if (answered_ && nxdomain) return std::nullopt;
        if (!answered_ && !read_negative(nxdomain)) return std::nullopt;
        if (out_.ttl == 0 || at_ > stored_message_bytes_max) return std::nullopt;
        out_.bytes = at_;
        return out_;
    }

private:
    [[nodiscard]] bool may_be_kept() const noexcept {
        if (reply_.size() < question_.end() || wire::is_truncated(reply_)) return false;
        const auto rcode = wire::header_rcode(reply_);
        if (rcode != wire::Rcode::noerror && rcode != wire::Rcode::nxdomain) return false;
        if (wire::read16(reply_, 4) != 1) return false;  // FORMERR and its like come without one
        // Names in the records may point at it, and it will be written over by one that is equal.
        const auto asked = question_.message.subspan(0, question_.end());
        if (!equal(asked.subspan(wire::header_bytes),
                   reply_.subspan(wire::header_bytes, asked.size() - wire::header_bytes))) {
            return false;
        }
        if (question_.qclass != wire::qclass::in) return false;
        return question_.qtype != wire::type::any && question_.qtype != wire::type::axfr &&
               question_.qtype != wire::type::ixfr && question_.qtype != type::rrsig;
    }

    [[nodiscard]] bool dnssec() const noexcept {
        return question_.edns && question_.edns->dnssec_ok;
    }

    bool read_answers() noexcept {
        const std::size_t count = wire::read16(reply_, 6);
        for (std::size_t i = 0; i < count; ++i) {
            Name owner;
            const auto record = next(owner);
            if (!record || !accept_answer(*record, owner) || !keep(*record)) return false;
        }
        out_.answers = static_cast<std::uint16_t>(count);
        return true;
    }

    bool accept_answer(const RecordView& record, const Name& owner) noexcept {
        const bool at_end = equal(owner.view(), chain_[links_].view());
        if (record.type == type::rrsig) return dnssec() && is_on_chain(owner);
        if (!at_end) return false;
        if (record.type == question_.qtype) return answered_ = true;
        // A CNAME stands alone (RFC 2181 section 10.1), and a chain has an end.
        if (record.type != wire::type::cname || answered_ || links_ + 1 == chain_names_max) {
            return false;
        }
        Name& target = chain_[++links_];
        const auto name = wire::expand_name(reply_, record.rdata, target.lower);
        target.bytes = name.bytes;
        return name.bytes != 0 && name.end == record.end && !is_on_chain_before(links_, target);
    }

    [[nodiscard]] bool is_on_chain_before(std::size_t links, const Name& name) const noexcept {
        return std::any_of(chain_.begin(), chain_.begin() + static_cast<std::ptrdiff_t>(links),
                           [&](const Name& link) { return equal(link.view(), name.view()); });
    }
    [[nodiscard]] bool is_on_chain(const Name& name) const noexcept {
        return is_on_chain_before(links_ + 1, name);
    }

    /// The run of records at the beginning of the authority section that a negative answer needs
    /// (RFC 2308 section 2); the SOA must be among them.
    bool read_negative(bool nxdomain) noexcept {
        out_.kind = nxdomain ? Kind::nxdomain : Kind::nodata;
        const std::size_t count = wire::read16(reply_, 8);
        bool has_soa = false;
        for (std::size_t i = 0; i < count; ++i) {
            const std::size_t start = at_;
            Name owner;
            const auto record = next(owner);
            if (!record) return false;
            if (!is_negative_part(*record)) {
                at_ = start;  // what follows is not kept
                break;
            }
            if (record->type == wire::type::soa) {
                if (has_soa || !is_in(chain_[links_].view(), owner.view())) return false;
                if (!take_soa_ttl(*record)) return false;
                has_soa = true;
                zone_ = owner;
            }
            if (!keep(*record)) return false;
            ++out_.authority;
        }
        out_.ttl = std::min(out_.ttl, negative_ttl_max);
        return has_soa && proof_is_in_zone();
    }

    [[nodiscard]] bool is_negative_part(const RecordView& record) const noexcept {
        if (record.type == wire::type::soa) return true;
        return dnssec() && (record.type == type::rrsig || record.type == type::nsec ||
                            record.type == type::nsec3);
    }

    /// min(TTL of the SOA, its MINIMUM): RFC 2308 section 5.
    bool take_soa_ttl(const RecordView& soa) noexcept {
        Name ignored;
        const auto mname = wire::expand_name(reply_, soa.rdata, ignored.lower);
        if (mname.bytes == 0) return false;
        const auto rname = wire::expand_name(reply_, mname.end, ignored.lower);
        if (rname.bytes == 0 || rname.end + 20 != soa.end) return false;
        out_.ttl = std::min(out_.ttl, valid_ttl(wire::read32(reply_, soa.end - 4)));
        return true;
    }

    /// The owners of the authority records once more: the SOA may come after its proof.
    [[nodiscard]] bool proof_is_in_zone() const noexcept {
        std::size_t at = authority_;
        for (std::uint16_t i = 0; i < out_.authority; ++i) {
            Name owner;
            const auto name = wire::expand_name(reply_, at, owner.lower);
            owner.bytes = name.bytes;
            if (!is_in(owner.view(), zone_.view())) return false;
            at = wire::read_record(reply_, at)->end;
        }
        return true;
    }

    /// The record at at_, which moves behind it.
    std::optional<RecordView> next(Name& owner) noexcept {
        const auto record = wire::read_record(reply_, at_);
        if (!record || record->rclass != wire::qclass::in) return std::nullopt;
        const auto name = wire::expand_name(reply_, at_, owner.lower);
        if (name.bytes == 0) return std::nullopt;
        owner.bytes = name.bytes;
        if (out_.authority == 0) authority_ = at_;
        at_ = record->end;
        return record;
    }

    bool keep(const RecordView& record) noexcept {
        if (out_.records == stored_records_max || record.end > stored_message_bytes_max) {
            return false;
        }
        out_.ttl_offsets[out_.records++] = static_cast<std::uint16_t>(record.ttl_offset);
        out_.ttl = std::min(out_.ttl, valid_ttl(record.ttl));
        return true;
    }

    const wire::Question& question_;
    Bytes reply_;
    std::size_t at_ = 0;
    std::size_t authority_ = 0;  ///< where the first record of that section is
    std::array<Name, chain_names_max> chain_;
    std::size_t links_ = 0;  ///< the last of chain_
    bool answered_ = false;
    Name zone_;
    Storable out_;
};

}  // namespace

bool may_be_cached(const wire::Question& question) noexcept {
    if (question.qclass != wire::qclass::in) return false;
    if (!question.edns) return true;
    auto options =
        question.message.subspan(question.edns->options_offset, question.edns->options_bytes);
    while (options.size() >= 4) {
        const std::size_t bytes = wire::read16(options, 2);
        if (!wire::is_between_neighbours(wire::read16(options, 0)) || options.size() < 4 + bytes) {
            return false;
        }
        options = options.subspan(4 + bytes);
    }
    return options.empty();
}

std::optional<Storable> judge(const wire::Question& question,
                              std::span<const std::uint8_t> reply) noexcept {
    // Some kilobytes, that are written before they are read.
    __attribute__((uninitialized)) Judge judging{question, reply};
    return judging.judge();
}

}  // namespace meshgate::dns::cache
