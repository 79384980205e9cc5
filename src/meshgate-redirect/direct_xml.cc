#include "src/meshgate-redirect/direct_xml.h"

#include "netfilter/iptables/saved_rule.h"

#include <pugixml.hpp>

#include <algorithm>
#include <iterator>
#include <map>
#include <sstream>
#include <stdexcept>

namespace meshgate::redirect {
namespace {

using netfilter::TableWords;

/// Other direct rules have 0, as a rule; ours at the end of a built-in chain come after them.
constexpr int last_priority = 1000;

class Document {
public:
    explicit Document(std::string_view xml) {
        if (xml.empty()) xml = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<direct>\n</direct>\n";
        xml_ = xml;
        constexpr unsigned all = pugi::parse_full | pugi::parse_ws_pcdata;
        const auto result = document_.load_buffer(xml.data(), xml.size(), all, pugi::encoding_utf8);
        if (!result) {
            throw std::runtime_error("byte " + std::to_string(result.offset) + ": " +
                                     result.description());
        }
        direct_ = document_.child("direct");
        if (!direct_) throw std::runtime_error("it has no <direct>");
        // What is around the element is not in the tree with its blanks.
        begin_ = static_cast<std::size_t>(direct_.offset_debug()) - 1;
        const auto close = xml.rfind("</direct");
        end_ = xml.find('>', close == xml.npos ? begin_ : close) + 1;
    }

    template <class Predicate>
    void remove(Predicate is_to_go) {
        for (auto node = direct_.first_child(); node;) {
            const auto next = node.next_sibling();
            if (node.type() == pugi::node_element && is_to_go(node)) remove_line(node);
            node = next;
        }
    }

    void add_chain(const char* ipv, const TableWords& table, const std::string& chain) {
        add_element("chain", ipv, table, chain);
    }

    void add_rule(const char* ipv, const TableWords& table, const std::string& chain, int priority,
                  const std::string& spec) {
        auto rule = add_element("rule", ipv, table, chain);
        rule.append_attribute("priority") = priority;
        rule.text() = spec.c_str();
    }

    [[nodiscard]] std::string text() const {
        std::ostringstream out;
        direct_.print(out, "", pugi::format_raw, pugi::encoding_utf8);
        return std::string{xml_.substr(0, begin_)} + out.str() + std::string{xml_.substr(end_)};
    }

private:
    /// With the blanks before it, which are its line's.
    void remove_line(pugi::xml_node node) {
        const auto before = node.previous_sibling();
        if (before.type() == pugi::node_pcdata) direct_.remove_child(before);
        direct_.remove_child(node);
    }

    pugi::xml_node add_element(const char* name, const char* ipv, const TableWords& table,
                               const std::string& chain) {
        const auto end = direct_.last_child();
        const bool is_blank = end.type() == pugi::node_pcdata;
        auto indent = is_blank ? direct_.insert_child_before(pugi::node_pcdata, end)
                               : direct_.append_child(pugi::node_pcdata);
        indent.set_value("\n  ");
        auto element = direct_.insert_child_after(name, indent);
        element.append_attribute("ipv") = ipv;
        element.append_attribute("table") = table.table.c_str();
        element.append_attribute("chain") = chain.c_str();
        return element;
    }

    std::string_view xml_;
    std::size_t begin_ = 0, end_ = 0;  ///< of the element in it
    pugi::xml_document document_;
    pugi::xml_node direct_;
};

/// The chain that a rule leads to.
std::string target_of(std::string_view spec) {
    const auto words = netfilter::split_iptables_line(spec);
    if (!words) return "";
    for (std::size_t i = 0; i + 1 < words->size(); ++i) {
        if ((*words)[i] == "-j" || (*words)[i] == "-g") return (*words)[i + 1];
    }
    return "";
}

/// The chains so named, their rules and what leads to them.
template <class Predicate>
void remove_chains(Document& document, Predicate is_so_named) {
    document.remove([&](const pugi::xml_node& node) {
        return is_so_named(node.attribute("chain").value()) ||
               is_so_named(target_of(node.text().get()));
    });
}

/// "-A CHAIN SPEC".
void add_own_rule(Document& document, const char* ipv, const TableWords& table,
                  std::string_view rule, std::map<std::string, int>& used) {
    rule.remove_prefix(rule.find(' ') + 1);
    const std::string chain{rule.substr(0, rule.find(' '))};
    document.add_rule(ipv, table, chain, used[chain]++,
                      std::string{rule.substr(rule.find(' ') + 1)});
}

void add_table(Document& document, const char* ipv, const TableWords& table) {
    for (const auto& chain : table.chains) document.add_chain(ipv, table, chain);
    std::map<std::string, int> used;
    for (const auto& rule : table.rules) add_own_rule(document, ipv, table, rule, used);
    std::map<std::string, int> first, last;
    for (const auto& jump : table.jumps) {
        const int priority = jump.first ? first[jump.chain]++ : last_priority + last[jump.chain]++;
        document.add_rule(ipv, table, jump.chain, priority, jump.spec);
    }
}

}  // namespace

std::string with_direct_rules(std::string_view xml, const DirectRules& rules) {
    Document document{xml};
    remove_chains(document, netfilter::is_our_chain);
    for (const auto& table : rules.ipv4) add_table(document, "ipv4", table);
    for (const auto& table : rules.ipv6) add_table(document, "ipv6", table);
    return document.text();
}

std::string without_direct_rules(std::string_view xml) {
    Document document{xml};
    remove_chains(document, netfilter::is_our_chain);
    return document.text();
}

std::string without_chains_of_others(std::string_view xml,
                                     std::span<const std::string_view> prefixes) {
    Document document{xml};
    remove_chains(document, [prefixes](std::string_view chain) {
        return std::ranges::any_of(prefixes,
                                   [chain](auto prefix) { return chain.starts_with(prefix); });
    });
    return document.text();
}

}  // namespace meshgate::redirect
