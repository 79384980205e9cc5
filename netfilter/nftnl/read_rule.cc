#include "netfilter/nftnl/read_rule.h"

#include "netfilter/nftnl/expression_cursor.h"
#include "netfilter/nftnl/expressions.h"
#include "netfilter/nftnl/kernel_headers.h"
#include "netfilter/nftnl/read_vip.h"
#include "netfilter/nftnl/userdata.h"

#include <linux/rtnetlink.h>
#include <net/if_arp.h>

#include <libnftnl/udata.h>

#include <algorithm>
#include <array>
#include <bit>
#include <span>
#include <string_view>
#include <utility>

namespace meshgate::netfilter {

namespace {

std::optional<Port> to_port(Bytes bytes) {
    if (bytes.size() != layout::port_bytes) return std::nullopt;
    return static_cast<Port>((bytes[0] << 8) | bytes[1]);
}

std::optional<Sense> to_sense(std::uint32_t op) {
    if (op == NFT_CMP_EQ) return Sense::equal;
    if (op == NFT_CMP_NEQ) return Sense::not_equal;
    return std::nullopt;
}

class RuleReader {
public:
    RuleReader(const nftnl_rule& rule, const ProtocolSets& protocol_sets)
        : cursor_(rule), protocol_sets_(protocol_sets) {}

    std::optional<Rule> read() {
        Rule rule;
        while (true) {
            rule.counter = read_counter();
            const auto prefix = cursor_.take_log(NFT_LOGLEVEL_DEBUG);
            if (prefix && prefix->empty()) return std::nullopt;
            rule.log_prefix = prefix.value_or("");
            auto verdict = read_verdict();
            if (!verdict) verdict = read_vip_verdict(cursor_);
            if (verdict) {
                rule.verdict = std::move(*verdict);
                return cursor_.at_end() ? std::optional{std::move(rule)} : std::nullopt;
            }
            if (rule.counter || prefix) return std::nullopt;
            auto match = read_match();
            if (!match) return std::nullopt;
            rule.matches.push_back(std::move(*match));
        }
    }

private:
    CounterRef read_counter() {
        if (cursor_.take_counter()) return own_counter;
        return cursor_.take_named_counter();
    }

    std::optional<Verdict> read_verdict() {
        if (const auto verdict = cursor_.take_verdict()) {
            if (verdict->code == NFT_RETURN) return Return{};
            if (verdict->code == NF_DROP) return Drop{};
            if (verdict->code == NFT_JUMP) return Jump{verdict->chain};
            return std::nullopt;
        }
        const auto value = cursor_.take_immediate();
        if (!value) return std::nullopt;
        if (cursor_.take_redirect_to_port()) {
            const auto port = to_port(*value);
            return port ? std::optional<Verdict>{RedirectTo{*port}} : std::nullopt;
        }
        if (cursor_.take_set_original_zone()) {
            const auto zone = ExpressionCursor::to_number<std::uint16_t>(*value);
            return zone ? std::optional<Verdict>{OriginalZone{*zone}} : std::nullopt;
        }
        return std::nullopt;
    }

    std::optional<Match> read_match() {
        if (cursor_.take_meta(NFT_META_NFPROTO)) return read_family();
        if (cursor_.take_meta(NFT_META_L4PROTO)) return read_l4proto();
        if (cursor_.take_meta(NFT_META_SKUID)) return read_skuid();
        if (cursor_.take_meta(NFT_META_SKGID)) return read_skgid();
        if (cursor_.take_meta(NFT_META_MARK)) return read_mark();
        for (const auto device : {Device::in, Device::out}) {
            const bool in = device == Device::in;
            if (cursor_.take_meta(in ? NFT_META_IIFTYPE : NFT_META_OIFTYPE)) {
                return read_loopback(device);
            }
            if (cursor_.take_meta(in ? NFT_META_IIFNAME : NFT_META_OIFNAME)) {
                return read_interface(device);
            }
        }
        if (cursor_.take_fib_type(NFTA_FIB_F_DADDR)) {
            if (cursor_.take_equal<std::uint32_t>() != RTN_LOCAL) return std::nullopt;
            return MatchLocalDestination{};
        }
        if (cursor_.take_fib_type(NFTA_FIB_F_SADDR)) return read_source_type(false);
        if (cursor_.take_fib_type(NFTA_FIB_F_SADDR | NFTA_FIB_F_OIF)) return read_source_type(true);
        if (cursor_.take_ct_state()) return read_ct_state();
        if (cursor_.take_ct_original(NFT_CT_DST_IP)) return read_original(Family::ipv4);
        if (cursor_.take_ct_original(NFT_CT_DST_IP6)) return read_original(Family::ipv6);
        if (const auto payload = cursor_.take_payload(NFT_PAYLOAD_TRANSPORT_HEADER)) {
            return read_dport(*payload);
        }
        // nft writes the family once for both addresses of a rule
        if (family_) {
            if (const auto payload = cursor_.take_payload(NFT_PAYLOAD_NETWORK_HEADER)) {
                return read_address(*payload);
            }
        }
        return std::nullopt;
    }

    std::optional<Match> read_family() {
        const auto value = cursor_.take_equal<std::uint8_t>();
        if (value == layout::nfproto(Family::ipv4))
            family_ = Family::ipv4;
        else if (value == layout::nfproto(Family::ipv6))
            family_ = Family::ipv6;
        else
            return std::nullopt;
        if (const auto payload = cursor_.take_payload(NFT_PAYLOAD_NETWORK_HEADER)) {
            return read_address(*payload);
        }
        return MatchFamily{*family_};
    }

    std::optional<Match> read_l4proto() {
        if (const auto lookup = cursor_.take_lookup()) {
            const auto set = protocol_sets_.find(lookup->set);
            if (set == protocol_sets_.end() || lookup->sense != Sense::equal) return std::nullopt;
            return MatchL4Proto{set->second};
        }
        const auto value = cursor_.take_equal<std::uint8_t>();
        if (value == IPPROTO_TCP) return MatchL4Proto{{Protocol::tcp}};
        if (value == IPPROTO_UDP) return MatchL4Proto{{Protocol::udp}};
        return std::nullopt;
    }

    std::optional<Match> read_dport(const ExpressionCursor::Payload& payload) {
        if (payload.offset != layout::th_dport_offset || payload.bytes != layout::port_bytes) {
            return std::nullopt;
        }
        if (auto lookup = cursor_.take_lookup()) {
            if (lookup->sense != Sense::equal) return std::nullopt;
            return MatchDport{SetRef{std::move(lookup->set)}};
        }
        const auto first = cursor_.take_cmp();
        if (!first) return std::nullopt;
        const auto port = to_port(first->value);
        if (!port) return std::nullopt;
        if (first->op == NFT_CMP_EQ) return MatchDport{PortRange{*port, *port}};
        const auto second = cursor_.take_cmp();
        if (first->op != NFT_CMP_GTE || !second || second->op != NFT_CMP_LTE) return std::nullopt;
        const auto last = to_port(second->value);
        if (!last) return std::nullopt;
        return MatchDport{PortRange{*port, *last}};
    }

    std::optional<Match> read_address(const ExpressionCursor::Payload& payload) {
        MatchAddress match{.family = *family_, .networks = {}};
        if (payload.offset == layout::address_offset(*family_, MatchAddress::Field::saddr)) {
            match.field = MatchAddress::Field::saddr;
        } else if (payload.offset == layout::address_offset(*family_, MatchAddress::Field::daddr)) {
            match.field = MatchAddress::Field::daddr;
        } else {
            return std::nullopt;
        }
        if (auto lookup = cursor_.take_lookup()) {
            if (payload.bytes != layout::address_bytes(*family_)) return std::nullopt;
            match.sense = lookup->sense;
            match.networks = SetRef{std::move(lookup->set)};
            return match;
        }
        return read_network(std::move(match), payload.bytes);
    }

    std::optional<Match> read_network(MatchAddress match, std::uint32_t loaded_bytes) {
        if (loaded_bytes > layout::address_bytes(match.family)) return std::nullopt;
        auto prefix = static_cast<std::uint8_t>(loaded_bytes * 8);
        if (const auto mask = cursor_.take_mask()) {
            const auto ones = std::ranges::find_if(*mask, [](auto byte) { return byte != 0xff; });
            const auto whole = static_cast<std::size_t>(ones - mask->begin()) * 8;
            prefix = static_cast<std::uint8_t>(whole +
                                               (ones == mask->end() ? 0 : std::countl_one(*ones)));
            if (!std::ranges::equal(*mask, layout::prefix_mask(prefix, loaded_bytes))) {
                return std::nullopt;
            }
        }
        const auto comparison = cursor_.take_cmp();
        if (!comparison || comparison->value.size() != loaded_bytes) return std::nullopt;
        const auto sense = to_sense(comparison->op);
        if (!sense) return std::nullopt;
        std::array<std::uint8_t, 16> address{};
        std::ranges::copy(comparison->value, address.begin());
        match.sense = *sense;
        match.networks =
            Cidr{match.family == Family::ipv4 ? conf::IpAddress::ipv4(std::span{address}.first<4>())
                                              : conf::IpAddress::ipv6(address),
                 prefix};
        return match;
    }

    std::optional<Match> read_skuid() {
        if (cursor_.take_host_to_network_u32()) {
            auto lookup = cursor_.take_lookup();
            if (!lookup || lookup->sense != Sense::equal) return std::nullopt;
            return MatchSkuid{SetRef{std::move(lookup->set)}};
        }
        const auto uid = cursor_.take_equal<Uid>();
        if (!uid) return std::nullopt;
        return MatchSkuid{*uid};
    }

    std::optional<Match> read_skgid() {
        if (cursor_.take_host_to_network_u32()) {
            auto lookup = cursor_.take_lookup();
            if (!lookup || lookup->sense != Sense::equal) return std::nullopt;
            return MatchSkgid{SetRef{std::move(lookup->set)}};
        }
        const auto gid = cursor_.take_equal<Gid>();
        if (!gid) return std::nullopt;
        return MatchSkgid{*gid};
    }

    std::optional<Match> read_mark() {
        MatchMark match;
        if (const auto mask = cursor_.take_mask()) {
            const auto bits = ExpressionCursor::to_number<Mark>(*mask);
            if (!bits || *bits == conf::whole_mark) return std::nullopt;
            match.mask = *bits;
        }
        if (auto lookup = cursor_.take_lookup()) {
            if (lookup->sense != Sense::equal) return std::nullopt;
            match.marks = SetRef{std::move(lookup->set)};
            return match;
        }
        const auto mark = cursor_.take_equal<Mark>();
        if (!mark) return std::nullopt;
        match.marks = *mark;
        return match;
    }

    std::optional<Match> read_loopback(Device device) {
        const auto comparison = cursor_.take_cmp();
        if (!comparison ||
            ExpressionCursor::to_number<std::uint16_t>(comparison->value) != ARPHRD_LOOPBACK) {
            return std::nullopt;
        }
        const auto sense = to_sense(comparison->op);
        if (!sense) return std::nullopt;
        return MatchLoopback{device, *sense};
    }

    std::optional<Match> read_interface(Device device) {
        const auto comparison = cursor_.take_cmp();
        if (!comparison || comparison->op != NFT_CMP_EQ) return std::nullopt;
        std::string name(comparison->value.begin(), comparison->value.end());
        if (name.size() == layout::interface_name_bytes) {
            name.resize(std::min(name.find('\0'), name.size()));
        } else {
            name += '*';
        }
        return MatchInterface{device, std::move(name)};
    }

    std::optional<Match> read_ct_state() {
        const auto mask = cursor_.take_mask();
        if (!mask ||
            ExpressionCursor::to_number<std::uint32_t>(*mask) != layout::ct_state_invalid) {
            return std::nullopt;
        }
        const auto comparison = cursor_.take_cmp();
        if (!comparison || comparison->op != NFT_CMP_NEQ ||
            ExpressionCursor::to_number<std::uint32_t>(comparison->value) != 0U) {
            return std::nullopt;
        }
        return MatchInvalid{};
    }

    std::optional<Match> read_original(Family family) {
        auto lookup = cursor_.take_lookup();
        if (!lookup || lookup->sense != Sense::equal) return std::nullopt;
        return MatchOriginalDestination{family, SetRef{std::move(lookup->set)}};
    }

    std::optional<Match> read_source_type(bool of_interface) {
        const auto comparison = cursor_.take_cmp();
        if (!comparison ||
            ExpressionCursor::to_number<std::uint32_t>(comparison->value) != RTN_LOCAL) {
            return std::nullopt;
        }
        const auto sense = to_sense(comparison->op);
        if (!sense) return std::nullopt;
        return MatchLocalSource{of_interface, *sense};
    }

    ExpressionCursor cursor_;
    const ProtocolSets& protocol_sets_;
    std::optional<Family> family_;  ///< what the rule has asked for so far
};

}  // namespace

std::optional<Rule> read_rule(const nftnl_rule& rule, const ProtocolSets& protocol_sets) {
    auto read = RuleReader{rule, protocol_sets}.read();
    if (!read || !nftnl_rule_is_set(&rule, NFTNL_RULE_USERDATA)) return read;
    std::uint32_t length = 0;
    const auto* userdata =
        static_cast<const std::uint8_t*>(nftnl_rule_get_data(&rule, NFTNL_RULE_USERDATA, &length));
    const auto comment = find_text({userdata, length}, NFTNL_UDATA_RULE_COMMENT);
    if (!comment) return std::nullopt;
    read->comment = *comment;
    return read;
}

}  // namespace meshgate::netfilter
