#pragma once

#include "netfilter/nftnl/kernel_headers.h"

#include <linux/netlink.h>

#include <libnftnl/common.h>

#include <array>
#include <cstdint>

namespace meshgate::netfilter {

/// Owns the memory of one small request to nf_tables.
class Request {
public:
    explicit Request(std::uint16_t type, std::uint16_t family = NFPROTO_INET)
        : header_(nftnl_nlmsg_build_hdr(buffer_.data(), type, family, 0, 0)) {}

    nlmsghdr& operator*() { return *header_; }
    nlmsghdr* get() { return header_; }

private:
    alignas(nlmsghdr) std::array<char, 4096> buffer_{};
    nlmsghdr* header_;
};

}  // namespace meshgate::netfilter
