#include "netfilter/nftnl/table_watch.h"

#include "netfilter/nftnl/batch.h"

#include <utility>

namespace meshgate::netfilter {

TableWatch::TableWatch(Netlink& netlink, std::vector<std::string> tables)
    : netlink_(netlink), events_(std::move(tables)) {
    wait_for_transactions(netlink_);
}

bool TableWatch::is_unchanged() {
    wait_for_transactions(netlink_);
    listen();
    return is_unchanged_;
}

void TableWatch::listen() {
    for (;;) {
        const auto changes = events_.take();
        if (changes.empty()) return;
        for (const auto& change : changes) {
            if (change.touches_ours || change.is_lost) is_unchanged_ = false;
        }
        if (!is_unchanged_) return;
    }
}

}  // namespace meshgate::netfilter
