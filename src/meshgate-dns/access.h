#pragma once

#include "conf/config.h"
#include "dns/server/access_list.h"
#include "src/meshgate-dns/address_watch.h"

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace meshgate::dnsd {

/// An address of an interface of this machine, with the network that it is in.
struct InterfaceAddress {
    std::string interface;
    std::uint32_t index = 0;  ///< of the interface
    conf::IpAddress address;
    std::uint8_t prefix = 0;  ///< bits
};

/// All of them as they are now. @throws std::system_error
std::vector<InterfaceAddress> interface_addresses();

/// Who may ask: this machine itself, the networks of redirect.network, and dns.allow, its
/// interfaces replaced by the networks they are in.
dns::server::AccessList make_access_list(const conf::Config& config,
                                         std::span<const InterfaceAddress> addresses);

/// What a person should know of it, one a line: an interface that has no address, a listener that
/// others can reach though nobody of them may ask.
std::vector<std::string> access_warnings(const conf::Config& config,
                                         std::span<const InterfaceAddress> addresses,
                                         std::span<const conf::SocketAddress> listening);

/// Who may ask, as the configuration and this machine's addresses say it at the moment. Control
/// thread.
class Access {
public:
    /// Shared because all workers go by the same list.
    using List = std::shared_ptr<const dns::server::AccessList>;
    /// Called with the whole list whenever it has changed.
    using Apply = std::function<void(const List&)>;

    Access(boost::asio::io_context& context, std::vector<conf::SocketAddress> listening,
           Apply apply);

    /// Takes a configuration; from the first on, addresses are followed. @return what a person
    /// should know.
    std::vector<std::string> configure(const conf::Config& config);

private:
    void refresh(std::span<const InterfaceAddress> addresses);
    void on_addresses() noexcept;

    std::vector<conf::SocketAddress> listening_;
    Apply apply_;
    conf::Config config_;  ///< only the networks of it
    List list_;
    AddressWatch addresses_;
    bool following_ = false;
};

}  // namespace meshgate::dnsd
