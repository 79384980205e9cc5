#include "dns/zone/vips.h"

#include "dns/zone/service_names.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>

namespace meshgate::dns::zone {
namespace {

using conf::Cidr;
using conf::IpAddress;
using conf::ServiceKind;
using std::chrono::sys_seconds;

constexpr std::size_t resting_max = 65536;

/// The next address; nullopt after the last of its family.
std::optional<IpAddress> next(const IpAddress& address) {
    std::array<std::uint8_t, 16> bytes{};
    const auto from = address.bytes();
    std::copy(from.begin(), from.end(), bytes.begin());
    for (std::size_t i = from.size(); i-- > 0;) {
        if (++bytes[i] == 0) continue;
        if (from.size() == 16) return IpAddress::ipv6(bytes);
        return IpAddress::ipv4(std::span<const std::uint8_t, 4>{bytes.data(), 4});
    }
    return std::nullopt;
}

/// A range that addresses are given from, lowest first.
struct Range {
    Cidr cidr;
    std::string key;                   ///< of the configuration: "vip.ipv4"
    std::vector<Cidr> others;          ///< within it, of other kinds
    std::optional<IpAddress> free_at;  ///< below it nothing is free

    Range(const Cidr& range, std::string_view name) : cidr(range), key(name), free_at(range.base) {}
};

struct Pool {
    const std::map<std::string, IpAddress>& kept;
    const std::map<std::string, RestingVip>& kept_resting;
    std::optional<IpAddress> VipClaim::*pin;
    std::vector<Range> ranges;  ///< by kind; one for all: native IPv6
};

/// One family: who has which address, and which rest.
class Family {
public:
    Family(std::span<const VipClaim> claims, Pool pool, const conf::Vip& vip, sys_seconds now,
           std::vector<conf::Diagnostic>& warnings)
        : claims_(claims), pool_(std::move(pool)), vip_(vip), now_(now), warnings_(warnings) {
        for (std::size_t i = 0; i < claims.size(); ++i) by_key_.emplace(claims[i].key, i);
        given_.resize(claims.size());
        keep_resting();
        give_pins();
        give_kept();
        let_left_rest();
    }

    /// Of the claim at `index`, that it has or is given.
    IpAddress give(std::size_t index) {
        if (given_[index]) return *given_[index];
        const VipClaim& claim = claims_[index];
        Range& range = range_of(claim);
        auto& at = range.free_at;
        while (at && range.cidr.contains(*at) && !is_free(range, *at)) {
            const Cidr* other = other_around(range, *at);  // 16 million addresses at one step
            at = next(other != nullptr ? other->last() : *at);
        }
        if (!at || !range.cidr.contains(*at)) fail_full(claim, range);
        return *(given_[index] = take(index, *at));
    }

    /// Who has which address of its range: a pin outside of it is the configuration's alone.
    [[nodiscard]] std::map<std::string, IpAddress> kept() {
        std::map<std::string, IpAddress> kept;
        for (std::size_t i = 0; i < claims_.size(); ++i) {
            const IpAddress address = give(i);
            if (range_of(claims_[i]).cidr.contains(address)) kept.emplace(claims_[i].key, address);
        }
        return kept;
    }

    std::map<std::string, RestingVip> resting() && { return std::move(resting_); }

private:
    Range& range_of(const VipClaim& claim) {
        return pool_.ranges.size() == 1 ? pool_.ranges.front()
                                        : pool_.ranges[static_cast<std::size_t>(claim.kind)];
    }

    IpAddress take(std::size_t index, const IpAddress& address) {
        owner_.emplace(address, index);
        return address;
    }

    /// What rested before, and what is nobody's from now on. A clock that was set back makes
    /// nothing rest longer than it should.
    void keep_resting() {
        const std::chrono::seconds rest{vip_.rest};
        for (const auto& [key, resting] : pool_.kept_resting) {
            if (comes_back(key)) continue;  // give_kept()
            const sys_seconds since = std::min(resting.since, now_);
            if (now_ - since < rest) add_resting(key, {resting.address, since});
        }
        for (const auto& [key, address] : pool_.kept) {
            if (!by_key_.contains(key) && rest.count() > 0) add_resting(key, {address, now_});
        }
        drop_oldest();
    }

    /// To the address that it had, as it has no other now.
    [[nodiscard]] bool comes_back(const std::string& key) const {
        const auto claim = by_key_.find(key);
        return claim != by_key_.end() && !(claims_[claim->second].*pool_.pin) &&
               !pool_.kept.contains(key);
    }

    /// Those that are too many, all at once: a file that is replaced may give up hundreds of thousands.
    void drop_oldest() {
        if (resting_.size() <= resting_max) return;
        using Resting = std::map<std::string, RestingVip>::iterator;
        std::vector<Resting> by_age;
        by_age.reserve(resting_.size());
        for (auto at = resting_.begin(); at != resting_.end(); ++at) by_age.push_back(at);
        std::ranges::stable_sort(by_age, {}, [](Resting at) { return at->second.since; });
        by_age.resize(by_age.size() - resting_max);
        for (const auto at : by_age) {
            resting_by_address_.erase(at->second.address);
            resting_.erase(at);
        }
    }

    void add_resting(const std::string& key, const RestingVip& resting) {
        resting_by_address_.emplace(resting.address, key);
        resting_.insert_or_assign(key, resting);
    }

    void give_pins() {
        for (std::size_t i = 0; i < claims_.size(); ++i) {
            const VipClaim& claim = claims_[i];
            const auto& pin = claim.*pool_.pin;
            if (!pin) continue;
            given_[i] = take(i, *pin);
            const auto rests = resting_by_address_.find(*pin);
            if (rests == resting_by_address_.end()) continue;
            if (rests->second != claim.key) say_pinned(claim, *pin, rests->second);
            resting_.erase(rests->second);
            resting_by_address_.erase(rests);
        }
    }

    void say_pinned(const VipClaim& claim, const IpAddress& pin, const std::string& before) {
        warnings_.push_back({claim.where, claim.what + " is pinned to " + pin.to_string() +
                                              ", which '" + before + "' had until " +
                                              to_text(resting_.at(before).since) +
                                              ": who still knows it gets the other"});
    }

    void give_kept() {
        for (std::size_t i = 0; i < claims_.size(); ++i) {
            if (given_[i]) continue;
            const auto before = had(claims_[i].key);
            if (!before) continue;
            check_range(claims_[i], *before);
            const auto [owner, is_free] = owner_.emplace(*before, i);
            if (is_free && !resting_by_address_.contains(*before)) {
                given_[i] = *before;
                continue;
            }
            if (is_free) {  // somebody else had it after, and gave it up: it is his to rest
                owner_.erase(owner);
                continue;
            }
            const VipClaim& other = claims_[owner->second];
            warnings_.push_back({claims_[i].where, claims_[i].what + " had " + before->to_string() +
                                                       ", which " + other.what + " (" +
                                                       other.where.to_string() +
                                                       ") is pinned to: it gets another address"});
        }
    }

    /// What a claim had before it was pinned elsewhere.
    void let_left_rest() {
        for (const auto& [key, address] : pool_.kept) {
            const auto claim = by_key_.find(key);
            if (claim == by_key_.end() || vip_.rest == 0 || owner_.contains(address)) continue;
            if (given_[claim->second] && *given_[claim->second] != address) {
                add_resting(key, {address, now_});
            }
        }
    }

    [[nodiscard]] std::optional<IpAddress> had(const std::string& key) const {
        if (const auto kept = pool_.kept.find(key); kept != pool_.kept.end()) return kept->second;
        const auto rested = pool_.kept_resting.find(key);
        if (rested == pool_.kept_resting.end()) return std::nullopt;
        return rested->second.address;
    }

    /// Another address behind the back of everybody who knows this one is worse than an error.
    void check_range(const VipClaim& claim, const IpAddress& had) {
        const Range& range = range_of(claim);
        if (range.cidr.contains(had)) return;
        throw conf::Error(
            {{claim.where, claim.what + " has " + had.to_string() + " ('" + claim.key + "' in " +
                               vip_.state + "), which is outside of " + in_words(range) +
                               ": set the range back, pin the address, or take the line out of "
                               "that file for another one"}});
    }

    [[nodiscard]] std::string in_words(const Range& range) const {
        const std::string place = vip_.where.to_string();
        return range.cidr.to_string() + " ('" + range.key + "'" +
               (place.empty() ? "" : ", " + place) + ")";
    }

    [[nodiscard]] bool is_free(const Range& range, const IpAddress& address) const {
        return !owner_.contains(address) && !resting_by_address_.contains(address) &&
               other_around(range, address) == nullptr;
    }

    /// The range of another kind that it lies in.
    static const Cidr* other_around(const Range& range, const IpAddress& address) {
        const auto found =
            std::find_if(range.others.begin(), range.others.end(),
                         [&address](const Cidr& other) { return other.contains(address); });
        return found == range.others.end() ? nullptr : &*found;
    }

    [[noreturn]] void fail_full(const VipClaim& claim, const Range& range) const {
        const auto in_range = [&range](const auto& each) {
            return range.cidr.contains(each.second.address);
        };
        std::string message = "no address is left in " + in_words(range) + " for " + claim.what;
        const auto count = std::count_if(resting_.begin(), resting_.end(), in_range);
        if (count > 0) {
            sys_seconds first = sys_seconds::max();
            for (const auto& each : resting_) {
                if (in_range(each)) first = std::min(first, each.second.since);
            }
            message += ": " + std::to_string(count) + " rest, the first until " +
                       to_text(first + std::chrono::seconds{vip_.rest}) + " ('vip.rest')";
        }
        throw conf::Error({{claim.where, message}});
    }

    std::span<const VipClaim> claims_;
    Pool pool_;
    const conf::Vip& vip_;
    sys_seconds now_;
    std::vector<conf::Diagnostic>& warnings_;
    std::unordered_map<std::string_view, std::size_t> by_key_;
    std::vector<std::optional<IpAddress>> given_;  ///< by claim
    std::map<IpAddress, std::size_t> owner_;       ///< the claim that has it
    std::map<std::string, RestingVip> resting_;
    std::map<IpAddress, std::string> resting_by_address_;
};

/// Two at one address would be one to the proxy, and one to PTR.
void check_pins(std::span<const VipClaim> claims) {
    std::map<IpAddress, const VipClaim*> owner;
    std::vector<conf::Diagnostic> errors;
    for (const VipClaim& claim : claims) {
        for (const auto& pin : {claim.pin4, claim.pin6}) {
            if (!pin) continue;
            const auto [other, fresh] = owner.emplace(*pin, &claim);
            if (fresh) continue;
            errors.push_back({claim.where, claim.what + " and " + other->second->what + " (" +
                                               other->second->where.to_string() +
                                               ") are both pinned to " + pin->to_string()});
        }
    }
    if (!errors.empty()) throw conf::Error(std::move(errors));
}

std::vector<Range> ranges4(const conf::Vip& vip) {
    static constexpr std::array kinds{ServiceKind::service, ServiceKind::mesh_service,
                                      ServiceKind::mesh_external_service,
                                      ServiceKind::mesh_multi_zone_service};
    std::vector<Range> ranges;
    for (const auto kind : kinds) {
        Range& range = ranges.emplace_back(vip.range4(kind), conf::Vip::key4(kind));
        for (const auto other : kinds) {
            const Cidr& cidr = vip.range4(other);
            if (range.cidr.contains(cidr) && cidr != range.cidr) range.others.push_back(cidr);
        }
    }
    return ranges;
}

}  // namespace

Allocation allocate(std::span<const VipClaim> claims, const conf::Vip& vip, const VipState& kept,
                    sys_seconds now) {
    check_pins(claims);
    Allocation out;
    Family ipv4{
        claims, {kept.ipv4, kept.resting4, &VipClaim::pin4, ranges4(vip)}, vip, now, out.warnings};
    std::optional<Family> ipv6;
    if (vip.ipv6_mode == conf::VipIpv6::native) {
        ipv6.emplace(
            claims,
            Pool{kept.ipv6, kept.resting6, &VipClaim::pin6, {Range{vip.ipv6.value(), "vip.ipv6"}}},
            vip, now, out.warnings);
    }
    out.grants.reserve(claims.size());
    for (std::size_t i = 0; i < claims.size(); ++i) {
        VipGrant grant{ipv4.give(i), claims[i].pin6};
        if (ipv6) {
            grant.address6 = ipv6->give(i);
        } else if (!grant.address6 && vip.ipv6_mode == conf::VipIpv6::mapped) {
            grant.address6 = mapped(grant.address4);
        }
        out.grants.push_back(grant);
    }
    out.state.ipv4 = ipv4.kept();
    out.state.resting4 = std::move(ipv4).resting();
    if (!ipv6) return out;
    out.state.ipv6 = ipv6->kept();
    out.state.resting6 = std::move(*ipv6).resting();
    return out;
}

}  // namespace meshgate::dns::zone
