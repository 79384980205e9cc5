#include "src/resolver/name_follower.h"

#include <algorithm>
#include <utility>

namespace meshgate {

std::chrono::seconds pause_after(const HostAnswer& answer) noexcept {
    if (!answer.is_known || answer.addresses.empty()) return NameFollower::pause_min;
    if (answer.ttl.count() == 0) return NameFollower::pause_without_ttl;
    return std::clamp<std::chrono::seconds>(answer.ttl, NameFollower::pause_min,
                                            NameFollower::pause_max);
}

struct NameFollower::Name {
    Name(boost::asio::io_context& context, std::string its_host)
        : host(std::move(its_host)), again(context) {}

    std::string host;
    std::vector<conf::IpAddress> addresses;
    bool is_known = false;
    Timer again;
};

NameFollower::NameFollower(boost::asio::io_context& context, Resolve resolve,
                           std::function<void(const std::string& host)> changed)
    : context_(context), resolve_(std::move(resolve)), changed_(std::move(changed)) {}

NameFollower::~NameFollower() = default;

void NameFollower::follow(const std::set<std::string>& hosts) {
    std::erase_if(names_, [&hosts](const auto& each) { return !hosts.contains(each.first); });
    for (const auto& host : hosts) {
        auto& name = names_[host];
        if (name) continue;
        name = std::make_shared<Name>(context_, host);
        ask(name);
    }
}

/// Who answers holds the name by a weak_ptr: it may be followed no more by then.
void NameFollower::ask(const std::shared_ptr<Name>& name) {
    resolve_(name->host, [this, weak = std::weak_ptr{name}](HostAnswer answer) {
        if (const auto known = weak.lock()) on_answer(*known, std::move(answer));
    });
}

void NameFollower::on_answer(Name& name, HostAnswer answer) {
    const auto self = names_.find(name.host);
    if (self == names_.end()) return;
    name.again.wait_for(pause_after(answer), [this, weak = std::weak_ptr{self->second}] {
        if (const auto known = weak.lock()) ask(known);
    });
    std::ranges::sort(answer.addresses);
    if (!answer.is_known) return;
    const bool is_first = !std::exchange(name.is_known, true);
    if (!is_first && answer.addresses == name.addresses) return;
    name.addresses = std::move(answer.addresses);
    changed_(name.host);
}

bool NameFollower::is_known(const std::string& host) const {
    const auto found = names_.find(host);
    return found != names_.end() && found->second->is_known;
}

const std::vector<conf::IpAddress>& NameFollower::addresses(const std::string& host) const {
    static const std::vector<conf::IpAddress> none;
    const auto found = names_.find(host);
    return found == names_.end() ? none : found->second->addresses;
}

}  // namespace meshgate
