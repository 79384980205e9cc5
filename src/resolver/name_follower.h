#pragma once

#include "src/common/timer.h"
#include "src/resolver/host_resolver.h"

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace meshgate {

/// Keeps the addresses of host names up to date: each is asked for again when its TTL is over. On
/// the thread that runs the context.
class NameFollower {
public:
    /// Not oftener than this, not more seldom than that. @{
    static constexpr std::chrono::seconds pause_min{5};
    static constexpr std::chrono::hours pause_max{1};
    /// @}
    static constexpr std::chrono::seconds pause_without_ttl{30};  ///< of /etc/hosts

    /// How a name is looked up: HostResolver::resolve.
    using Resolve = std::function<void(const std::string& host, HostResolver::Found found)>;

    /// @param changed  a name has other addresses than before; must not call follow()
    NameFollower(boost::asio::io_context& context, Resolve resolve,
                 std::function<void(const std::string& host)> changed);
    ~NameFollower();
    NameFollower(const NameFollower&) = delete;
    NameFollower& operator=(const NameFollower&) = delete;

    /// From now on these. What is known of those that were there is kept.
    void follow(const std::set<std::string>& hosts);

    /// Somebody has said which addresses it has, or that it has none.
    [[nodiscard]] bool is_known(const std::string& host) const;

    /// Sorted; none before the first answer. While nobody can say, those of before.
    [[nodiscard]] const std::vector<conf::IpAddress>& addresses(const std::string& host) const;

private:
    struct Name;

    void ask(const std::shared_ptr<Name>& name);
    void on_answer(Name& name, HostAnswer answer);

    boost::asio::io_context& context_;
    Resolve resolve_;
    std::function<void(const std::string& host)> changed_;
    std::map<std::string, std::shared_ptr<Name>> names_;
};

/// When a name is to be asked for again after this answer.
std::chrono::seconds pause_after(const HostAnswer& answer) noexcept;

}  // namespace meshgate
