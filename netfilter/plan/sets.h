#pragma once

#include "netfilter/ruleset/ruleset.h"

#include <optional>
#include <string>
#include <vector>

namespace meshgate::netfilter {

/// The sets of a ruleset in the making. Lists of ports, users and networks become sets however
/// short they are: the cost of a packet does not grow with them, and a change of one is a change of
/// elements.
class SetCollection {
public:
    /// Each adds a set in its canonical form, or nothing for an empty list.
    std::optional<SetRef> ports(std::string name, std::string comment, std::vector<PortRange> list);
    std::optional<SetRef> users(std::string name, std::string comment, std::vector<UidRange> list);
    std::optional<SetRef> groups(std::string name, std::string comment, std::vector<GidRange> list);
    std::optional<SetRef> marks(std::string name, std::string comment, std::vector<Mark> list);

    /// An empty one, for elements that come and go while it is in force.
    SetRef empty_ports(std::string name, std::string comment);

    /// One set for each of `families` that has a network in the list: "nets4", "nets6".
    struct Networks {
        Family family;
        SetRef set;
    };
    std::vector<Networks> networks(const std::string& name, const std::string& comment,
                                   const std::vector<Cidr>& list,
                                   const std::vector<Family>& families);

    std::vector<Set> take() { return std::move(sets_); }

private:
    template <class Element>
    std::optional<SetRef> add(std::string name, std::string comment, std::vector<Element> list);

    std::vector<Set> sets_;
};

}  // namespace meshgate::netfilter
