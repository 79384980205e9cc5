#include "netfilter/plan/sets.h"

#include "netfilter/ruleset/elements.h"

#include <algorithm>
#include <iterator>

namespace meshgate::netfilter {

template <class Element>
std::optional<SetRef> SetCollection::add(std::string name, std::string comment,
                                         std::vector<Element> list) {
    if (list.empty()) return std::nullopt;
    SetRef reference{name};
    sets_.push_back({std::move(name), std::move(comment), merged(std::move(list))});
    return reference;
}

std::optional<SetRef> SetCollection::ports(std::string name, std::string comment,
                                           std::vector<PortRange> list) {
    return add(std::move(name), std::move(comment), std::move(list));
}

std::optional<SetRef> SetCollection::users(std::string name, std::string comment,
                                           std::vector<UidRange> list) {
    return add(std::move(name), std::move(comment), std::move(list));
}

std::optional<SetRef> SetCollection::groups(std::string name, std::string comment,
                                            std::vector<GidRange> list) {
    return add(std::move(name), std::move(comment), std::move(list));
}

std::optional<SetRef> SetCollection::marks(std::string name, std::string comment,
                                           std::vector<Mark> list) {
    return add(std::move(name), std::move(comment), std::move(list));
}

std::vector<SetCollection::Networks> SetCollection::networks(const std::string& name,
                                                             const std::string& comment,
                                                             const std::vector<Cidr>& list,
                                                             const std::vector<Family>& families) {
    std::vector<Networks> references;
    for (const Family family : families) {
        std::vector<Cidr> of_family;
        std::ranges::copy_if(list, std::back_inserter(of_family), [family](const Cidr& network) {
            return network.base.family() == family;
        });
        if (of_family.empty()) continue;
        const auto full_name = name + (family == Family::ipv4 ? "4" : "6");
        sets_.push_back(
            {full_name, comment, AddressElements{family, merged(std::move(of_family))}});
        references.push_back({family, {full_name}});
    }
    return references;
}

SetRef SetCollection::empty_ports(std::string name, std::string comment) {
    sets_.push_back({name, std::move(comment), PortElements{}});
    return {std::move(name)};
}

}  // namespace meshgate::netfilter
