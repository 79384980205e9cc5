#include "conf/config.h"

namespace meshgate::conf {
namespace {

constexpr Port default_dns_port = 15053;

SocketAddress loopback(std::string_view address) {
    return {IpAddress::parse(address).value(), default_dns_port, {}};
}

}  // namespace

std::string Location::to_string() const {
    if (file.empty() || line == 0) return file;
    return file + ":" + std::to_string(line) + ":" + std::to_string(column);
}

Dns::Dns() : listen{loopback("127.0.0.1"), loopback("::1")} {}

Vip::Vip() : ipv4(Cidr::parse("240.0.0.0/4").value()) {}

}  // namespace meshgate::conf
