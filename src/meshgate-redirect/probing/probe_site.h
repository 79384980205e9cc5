#pragma once

#include "conf/address.h"
#include "conf/ranges.h"
#include "src/meshgate-redirect/probing/private_namespace.h"

#include <sys/types.h>

#include <map>
#include <cstdint>
#include <optional>
#include <string>

namespace meshgate::redirect {

/// The two ends of a cable between this machine and nowhere.
struct SiteEnds {
    conf::IpAddress here, there;
};

/// A place outside of this machine that is inside of it: a pair of interfaces, `mgprobe` and a
/// number, of which one is in a network namespace that nobody else is in, with addresses from the
/// ranges for documentation (RFC 5737, RFC 3849). What is sent there has left this machine for all
/// rules, and is seen by nobody. All of it is gone with this object, or with the process.
class ProbeSite {
public:
    ProbeSite();  ///< @throws std::system_error, EPERM without CAP_NET_ADMIN and CAP_SYS_ADMIN
    ProbeSite(const ProbeSite&) = delete;
    ProbeSite& operator=(const ProbeSite&) = delete;
    ~ProbeSite();

    [[nodiscard]] const std::string& interface() const noexcept { return interface_; }
    /// None where IPv6 is off, or all ranges are in use here.
    [[nodiscard]] std::optional<SiteEnds> ends(conf::Family family) const;

    PrivateNamespace& there() noexcept { return there_; }

    /// Whatever address it is for, this flow of this machine leads there: by a rule of policy
    /// routing that names its port, and a process that takes it away when this one ends.
    void lead_there(conf::Family family, conf::Protocol protocol, conf::Port source_port);
    /// What this user's programs send to that port of that address leads there too: a proxy that
    /// gets a probe connects to where it was meant for.
    void lead_there(const conf::SocketAddress& to, conf::Uid user);
    /// Of all addresses this one is not taken for one of the site's own: its answers go back here.
    void answer(const conf::IpAddress& address);
    /// What is sent to that port of that address leaves by that interface, which has no neighbours.
    void lead_by(const std::string& interface, const conf::SocketAddress& to,
                 conf::Protocol protocol);

private:
    void connect();
    void give_addresses(conf::Family family);
    void prepare_to_lead();
    void start_guardian();

    PrivateNamespace there_;
    std::string interface_;
    std::map<conf::Family, SiteEnds> ends_;
    UniqueFd guardian_pipe_;  ///< its end tells the guardian that this process is gone
    pid_t guardian_ = -1;
};

/// An interface that is up passes packets when the kernel's work queue has seen that its cable is
/// plugged in (linkwatch_do_dev() in net/core/link_watch.c), at most once a second for all, and drops
/// them before. @throws std::system_error after three seconds
void wait_until_running(const std::string& interface);

/// An address of IPv6 is added at once, but becomes one of this machine by a work queue of the
/// kernel (addrconf_dad_work()), also where no duplicate is looked for.
/// @throws std::system_error after a second
void wait_until_local(const conf::IpAddress& address);

/// Bound to the number of the process, so that two never take each other's rules away.
std::uint32_t probe_table();

}  // namespace meshgate::redirect
