#pragma once

#include "conf/address.h"

#include <set>
#include <string>
#include <vector>

namespace meshgate::redirect {

struct InterfaceAddress {
    std::string interface;
    conf::IpAddress address;
};

/// All addresses of this network namespace, in the kernel's order; empty when it does not say.
std::vector<InterfaceAddress> interface_addresses();

/// The addresses of this network namespace as they are when it is made, for many questions.
class LocalAddresses {
public:
    LocalAddresses();
    /// 127.0.0.0/8, ::1, or an address of one of its interfaces.
    [[nodiscard]] bool contain(const conf::IpAddress& address) const;

private:
    std::set<conf::IpAddress> addresses_;
};

/// 127.0.0.0/8, ::1, or an address of one of its interfaces.
bool is_of_this_machine(const conf::IpAddress& address);

}  // namespace meshgate::redirect
