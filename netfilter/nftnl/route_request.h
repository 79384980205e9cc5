#pragma once

#include "conf/address.h"

#include <sys/socket.h>

#include <linux/netlink.h>

#include <libmnl/libmnl.h>

#include <array>
#include <cstdint>
#include <string>

/// Requests of rtnetlink(7). Only the .cc files of this folder include this header.
namespace meshgate::netfilter {

/// A request: netlink's header, the one of its kind, then attributes in the order they are put in.
template <class Header>
class RouteRequest {
public:
    RouteRequest(std::uint16_t type, std::uint16_t flags)
        : message_(mnl_nlmsg_put_header(buffer_.data())) {
        message_->nlmsg_type = type;
        message_->nlmsg_flags = flags;
        header_ = static_cast<Header*>(mnl_nlmsg_put_extra_header(message_, sizeof(Header)));
    }

    RouteRequest(const RouteRequest&) = delete;  // it points into itself
    RouteRequest& operator=(const RouteRequest&) = delete;
    ~RouteRequest() = default;

    Header* operator->() { return header_; }
    nlmsghdr& message() { return *message_; }

    void put(std::uint16_t type, const conf::IpAddress& address) {
        mnl_attr_put(message_, type, address.bytes().size(), address.bytes().data());
    }
    void put_u32(std::uint16_t type, std::uint32_t number) {
        mnl_attr_put_u32(message_, type, number);
    }
    void put_text(std::uint16_t type, const std::string& text) {
        mnl_attr_put_strz(message_, type, text.c_str());
    }
    template <class Value>
    void put_bytes(std::uint16_t type, const Value& value) {
        mnl_attr_put(message_, type, sizeof value, &value);
    }
    /// Runs `fill` and makes what it puts the content of one attribute.
    template <class Fill>
    void nest(std::uint16_t type, Fill fill) {
        auto* const nested = mnl_attr_nest_start(message_, type);
        fill();
        mnl_attr_nest_end(message_, nested);
    }
    /// A header within an attribute.
    void put_extra(std::size_t bytes) { mnl_nlmsg_put_extra_header(message_, bytes); }
    void put_u8(std::uint16_t type, std::uint8_t number) {
        mnl_attr_put_u8(message_, type, number);
    }

private:
    alignas(nlmsghdr) std::array<char, 512> buffer_{};
    nlmsghdr* message_;
    Header* header_ = nullptr;
};

inline unsigned char to_af(conf::Family family) {
    return family == conf::Family::ipv4 ? AF_INET : AF_INET6;
}

}  // namespace meshgate::netfilter
