#pragma once

#include <functional>
#include <memory>

namespace boost::asio {
class io_context;
}

namespace meshgate::dnsd {

/// Follows the addresses of this machine's interfaces, by rtnetlink(7).
class AddressWatch {
public:
    /// @param changed  called on the context's thread, once for what happens within a moment.
    AddressWatch(boost::asio::io_context& context, std::function<void()> changed);
    ~AddressWatch();
    AddressWatch(const AddressWatch&) = delete;
    AddressWatch& operator=(const AddressWatch&) = delete;

    /// @throws std::system_error
    void start();

private:
    struct State;
    std::shared_ptr<State> state_;  ///< shared with the handler that waits
};

}  // namespace meshgate::dnsd
