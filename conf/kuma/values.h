#pragma once

#include "conf/config.h"
#include "conf/load.h"

#include <string>
#include <string_view>
#include <vector>

/// The words of Kuma's transparent proxy, as kumactl's flags, the environment and Kuma's files have
/// them: the same grammar for all three.
namespace meshgate::conf::kuma {

/// A value as it was written, and where: "--vnet", "KUMA_TRANSPARENT_PROXY_…", "kuma.yaml:3:5".
struct Value {
    std::string text;
    Location where;
};

/// @throws Error at the value's place. All functions below throw it for text that is none of
/// theirs.
[[noreturn]] void refuse(const Value& value, const std::string& message);

/// What strconv.ParseBool of Go takes: 1, t, T, TRUE, true, True, and the like for false.
bool parse_toggle(const Value& value);

Port parse_port(const Value& value);

/// "22,8000-8100" with blanks around the commas; an empty text is an empty list.
std::vector<PortRange> parse_ports(const Value& value);

/// A uid needs no passwd entry; everything else is a name, looked up later.
UserRef parse_user(const Value& value);

/// "dualstack", "ipv4", also "ipv6", in any case; an empty text is dualstack.
IpFamilyMode parse_family(const Value& value);

/// "10.0.0.1,fd00::/8": addresses and networks of both families, at least one.
std::vector<Cidr> parse_networks(const Value& value);

/// "[protocol:[ports:]]uids": protocols are tcp, udp, a list of them, or '*' or nothing for both;
/// ports a list, or '*' or nothing for all; uids one number or one range of 32 bits.
Exclusion parse_exclusion(const Value& value);

/// "interface:CIDR", divided at the first colon.
Network parse_network(const Value& value);

/// The values of a list of exclusions in one text, as the environment and pod annotations have it:
/// divided at ';', and at ',' only where the part as a whole is no exclusion. Kuma divides at every
/// comma, which cuts "tcp:53,80:1000" in two.
std::vector<Value> divide_exclusions(const Value& value);

/// The values of any other list in one text: divided at ','.
std::vector<Value> divide_list(const Value& value);

}  // namespace meshgate::conf::kuma
