#include "netfilter/iptables/other_captures.h"

#include "netfilter/iptables/replacement.h"
#include "netfilter/nftnl/kernel.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

namespace meshgate::netfilter {
namespace {

using conf::IptablesBackend;

constexpr std::string_view istio_table_prefix = "istio-proxy-";

/// Istio's, of its native mode: inet tables.
std::vector<std::string> istio_tables(const std::vector<ChainName>& chains) {
    std::vector<std::string> tables;
    for (const auto& chain : chains) {
        if (chain.family != "inet" || !chain.table.starts_with(istio_table_prefix)) continue;
        if (std::ranges::find(tables, chain.table) == tables.end()) tables.push_back(chain.table);
    }
    return tables;
}

std::string place(IptablesBackend backend, Family family) {
    return std::string{family == Family::ipv4 ? "iptables" : "ip6tables"} +
           (backend == IptablesBackend::nft ? "-nft" : "-legacy");
}

}  // namespace

OtherCaptures::OtherCaptures() {
    const Presence presence{other_chain_prefixes()};
    tables_ = istio_tables(presence.chains());
    if (!presence.anywhere()) return;
    for (const auto& programs : find_iptables()) {
        for (const Family family : {Family::ipv4, Family::ipv6}) {
            if (presence.in(programs.backend, family)) look_into(programs, family);
        }
    }
}

void OtherCaptures::look_into(const IptablesPrograms& programs, Family family) {
    const auto saved = save_rules(programs, family, SavedForm::plain);
    for (const OtherMesh& mesh : other_meshes()) {
        auto words = rules_of(mesh, saved);
        if (words.empty()) continue;
        const auto raw = std::ranges::stable_partition(
            words, [](const TableWords& table) { return table.table != "raw"; });
        std::vector<TableWords> zones(std::make_move_iterator(raw.begin()),
                                      std::make_move_iterator(raw.end()));
        words.erase(raw.begin(), raw.end());
        found_.push_back({&mesh, programs, family, std::move(zones), std::move(words), {}});
    }
}

std::string OtherCaptures::names() const {
    std::map<std::string_view, std::string> places;
    for (const auto& one : found_) {
        auto& where = places[one.mesh->name];
        where += (where.empty() ? "" : ", ") + place(one.programs.backend, one.family);
    }
    for (const auto& table : tables_) {
        auto& where = places["Istio"];
        where += (where.empty() ? "" : ", ") + std::string{"table inet "} + table;
    }
    std::string text;
    for (const auto& [name, where] : places) {
        text += (text.empty() ? "" : " and ") + std::string{name} + " (" + where + ")";
    }
    return text;
}

std::string OtherCaptures::removals() const {
    std::string text;
    for (const auto& one : found_) {
        if (one.mesh->removal.empty() || text.find(one.mesh->removal) != text.npos) continue;
        text += (text.empty() ? "" : ", ") + std::string{one.mesh->removal};
    }
    return text;
}

void OtherCaptures::remove_zones() {
    for (auto& one : found_) {
        restore_rules(one.programs, one.family, replacement_text(one.zones, {}));
        one.taken = std::exchange(one.zones, {});
    }
}

void OtherCaptures::put_zones_back() {
    for (auto& one : found_) {
        restore_rules(one.programs, one.family, replacement_text({}, one.taken));
        one.zones = std::exchange(one.taken, {});
    }
}

void OtherCaptures::remove() {
    for (const auto& one : std::exchange(found_, {})) {
        restore_rules(one.programs, one.family, replacement_text(one.words, {}));
        restore_rules(one.programs, one.family, replacement_text(one.zones, {}));
    }
    Kernel kernel;
    for (const auto& table : std::exchange(tables_, {})) kernel.remove(table);
}

}  // namespace meshgate::netfilter
