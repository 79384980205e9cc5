#include "dns/naming/virtual_outbounds.h"

#include "conf/words.h"
#include "dns/naming/template.h"

#include <algorithm>
#include <charconv>
#include <stdexcept>
#include <tuple>
#include <utility>

namespace meshgate::dns::naming {
namespace {

/// How specific a selector is: first the tags that it asks for, then those with a value.
using Rank = std::pair<std::size_t, std::size_t>;

Rank rank_of(const conf::Tags& selector) {
    const auto any = std::count_if(selector.begin(), selector.end(),
                                   [](const auto& tag) { return tag.second == "*"; });
    return {selector.size(), selector.size() - static_cast<std::size_t>(any)};
}

bool matches(const conf::Tags& selector, const conf::Tags& tags) {
    return std::all_of(selector.begin(), selector.end(), [&tags](const auto& wanted) {
        const auto found = tags.find(wanted.first);
        return found != tags.end() && (wanted.second == "*" || wanted.second == found->second);
    });
}

std::string lower(std::string text) {
    for (char& c : text) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
    }
    if (text.ends_with('.')) text.pop_back();
    return text;
}

}  // namespace

struct VirtualOutbounds::Policy {
    const conf::VirtualOutbound* text;
    std::size_t age;  ///< 0: the newest
    Template host, port;

    [[nodiscard]] std::optional<Rank> best(const conf::Tags& tags) const {
        std::optional<Rank> best;
        for (const conf::Tags& selector : text->selectors) {
            if (matches(selector, tags)) best = std::max(best.value_or(Rank{}), rank_of(selector));
        }
        return best;
    }

    /// @throws TemplateError, std::runtime_error: what it makes is no name, or no port
    [[nodiscard]] MadeOutbound make(const conf::Tags& tags) const {
        MadeOutbound made;
        made.by = text;
        TemplateData data;
        for (const auto& [name, tag] : text->parameters) {
            const auto found = tags.find(tag);
            if (found == tags.end()) continue;
            data.fields.emplace(name, found->second);
            made.tags.insert(*found);
        }
        const std::string host_text = host.execute(data);
        if (!conf::is_loose_dns_name(host_text)) {
            throw std::runtime_error("host: " + conf::in_quotes(host_text) +
                                     " is not a valid dns name");
        }
        made.host = lower(host_text);
        made.port = number(port.execute(data));
        return made;
    }

private:
    static conf::Port number(const std::string& made) {
        std::int64_t value = 0;
        const auto [end, error] = std::from_chars(made.data(), made.data() + made.size(), value);
        if (error != std::errc{} || end != made.data() + made.size()) {
            throw std::runtime_error("port: " + conf::in_quotes(made) + " is not a number");
        }
        if (value < 1 || value > 65535) {
            throw std::runtime_error("port: " + std::to_string(value) +
                                     " is outside of the range 1..65535");
        }
        return static_cast<conf::Port>(value);
    }
};

VirtualOutbounds::VirtualOutbounds(VirtualOutbounds&&) noexcept = default;
VirtualOutbounds::~VirtualOutbounds() = default;

VirtualOutbounds::VirtualOutbounds(const std::vector<conf::VirtualOutbound>& policies) {
    std::vector<conf::Diagnostic> errors;
    for (const conf::VirtualOutbound& text : policies) {
        const std::string what = "virtual_outbound " + conf::in_quotes(text.name) + ": ";
        std::string field = "host: ";
        try {
            Template host = Template::parse(text.host, false);
            field = "port: ";
            Template port = Template::parse(text.port, false);
            field.clear();
            // As Kuma tries them: every tag is there.
            Policy policy{&text, 0, std::move(host), std::move(port)};
            conf::Tags tags;
            for (const auto& [name, tag] : text.parameters) tags[tag] = "1";
            static_cast<void>(policy.make(tags));
            policies_.push_back(std::move(policy));
        } catch (const std::runtime_error& error) {
            errors.push_back({text.where, what + field + error.what()});
        }
    }
    if (!errors.empty()) throw conf::Error(std::move(errors));
    // Without a time, what stands later is newer.
    std::vector<Policy*> by_age;
    for (Policy& policy : policies_) by_age.push_back(&policy);
    std::stable_sort(by_age.begin(), by_age.end(), [](const Policy* a, const Policy* b) {
        return a->text->created < b->text->created;
    });
    for (std::size_t i = 0; i < by_age.size(); ++i) by_age[i]->age = by_age.size() - 1 - i;
}

std::vector<MadeOutbound> VirtualOutbounds::make(const conf::Tags& tags,
                                                 std::vector<conf::Diagnostic>& faults) const {
    std::vector<std::tuple<Rank, std::size_t, const Policy*>> found;
    for (const Policy& policy : policies_) {
        if (const auto best = policy.best(tags)) {
            found.emplace_back(*best, policies_.size() - policy.age, &policy);
        }
    }
    std::sort(found.rbegin(), found.rend());
    std::vector<MadeOutbound> made;
    for (const auto& [rank, youth, policy] : found) {
        try {
            made.push_back(policy->make(tags));
        } catch (const std::runtime_error& error) {
            faults.push_back(
                {policy->text->where, "virtual_outbound " + conf::in_quotes(policy->text->name) +
                                          " makes no name for service " +
                                          conf::in_quotes(tags.at(std::string{conf::service_tag})) +
                                          ": " + error.what()});
        }
    }
    return made;
}

}  // namespace meshgate::dns::naming
