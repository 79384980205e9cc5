#include "src/meshgate-redirect/flags.h"

#include "src/meshgate-redirect/removed_flags.h"

#include <algorithm>
#include <string_view>

namespace meshgate::redirect {
namespace {

using conf::kuma::Setting;
using conf::kuma::Value;
using FlagList = std::vector<std::pair<std::string, std::string>>;

const Setting& setting_of(std::string_view flag) {
    const auto all = conf::kuma::settings();
    const auto found = std::ranges::find(all, flag, &Setting::flag);
    if (flag.empty() || found == all.end()) {
        throw UsageError("unknown option '--" + std::string{flag} + "'");
    }
    return *found;
}

struct Group {
    const Setting* setting;
    std::vector<Value> values;
};

/// The values of each flag together, in the order of their first.
std::vector<Group> grouped(const FlagList& flags, conf::kuma::Wishes& wishes) {
    std::vector<Group> groups;
    for (const auto& [given, text] : flags) {
        const auto [flag, value] = todays_flag(given, text);
        if (flag.empty()) {
            wishes.ignored.push_back("--" + given);
            continue;
        }
        const Setting& setting = setting_of(flag);
        auto group = std::ranges::find(groups, &setting, &Group::setting);
        if (group == groups.end()) group = groups.insert(group, {&setting, {}});
        group->values.push_back({value, {"--" + given, 0, 0}});
    }
    return groups;
}

void refuse_both_dns_flags(const FlagList& flags) {
    const auto switched_on = [&flags](std::string_view name) {
        return std::ranges::any_of(flags, [name](const auto& flag) {
            return flag.first == name && flag.second == "true";
        });
    };
    if (switched_on("redirect-dns") && switched_on("redirect-all-dns-traffic")) {
        throw UsageError("use one of --redirect-dns and --redirect-all-dns-traffic");
    }
}

}  // namespace

std::span<const Option> kumactl_flags() {
    static const auto list = [] {
        std::vector<Option> all;
        for (const Setting& setting : conf::kuma::settings()) {
            if (setting.flag.empty()) continue;
            const bool toggle = setting.kind == Setting::Kind::toggle;
            all.push_back({setting.flag, toggle ? Option::Kind::toggle : Option::Kind::value});
        }
        const auto removed = removed_flags();
        all.insert(all.end(), removed.begin(), removed.end());
        return all;
    }();
    return list;
}

void apply_flags(const FlagList& flags, conf::kuma::Wishes& wishes) {
    refuse_both_dns_flags(flags);
    for (const Group& group : grouped(flags, wishes)) {
        try {
            conf::kuma::apply(*group.setting, "--" + std::string{group.setting->flag}, group.values,
                              wishes);
        } catch (const conf::Error& error) {
            throw UsageError(error.what());
        }
    }
}

}  // namespace meshgate::redirect
