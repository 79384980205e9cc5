#include "netfilter/iptables/other_mesh.h"

#include "netfilter/iptables/saved_rule.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

namespace meshgate::netfilter {
namespace {

// Kuma up to 2.1 had those of an older Istio, less the prefix.
constexpr std::array<std::string_view, 7> chain_prefixes{
    "KUMA_MESH_",       "MESH_INBOUND", "MESH_OUTPUT", "MESH_REDIRECT",
    "MESH_IN_REDIRECT", "ISTIO_",       "PROXY_INIT_"};
constexpr std::array<std::string_view, 5> kuma_chains{"KUMA_MESH_", "MESH_INBOUND", "MESH_OUTPUT",
                                                      "MESH_REDIRECT", "MESH_IN_REDIRECT"};
constexpr std::array<std::string_view, 1> istio_chains{"ISTIO_"};
constexpr std::array<std::string_view, 1> linkerd_chains{"PROXY_INIT_"};

constexpr std::array<OtherMesh, 3> meshes{{
    {"Kuma", kuma_chains, "kuma/mesh/transparent/proxy", "kumactl uninstall transparent-proxy"},
    {"Istio", istio_chains, "", "istio-clean-iptables"},
    {"Linkerd", linkerd_chains, "proxy-init/", ""},
}};

using Words = std::vector<std::string>;

std::string_view value_of(const Words& words, std::string_view option) {
    const auto found = std::ranges::find(words, option);
    return found == words.end() || found + 1 == words.end() ? std::string_view{} : *(found + 1);
}

bool has_chain(const OtherMesh& mesh, std::string_view name) {
    return std::ranges::any_of(mesh.chains,
                               [name](auto prefix) { return name.starts_with(prefix); });
}

/// A rule in a chain that is not the mesh's, one line of the text.
struct Stray {
    std::size_t table;
    std::string chain, spec;
    Words words;
};

class Reader {
public:
    explicit Reader(const OtherMesh& mesh) : mesh_{mesh} {}

    std::vector<TableWords> read(std::string_view text) {
        while (!text.empty()) {
            const auto end = std::min(text.find('\n'), text.size());
            read_line(text.substr(0, end));
            text.remove_prefix(std::min(end + 1, text.size()));
        }
        for (const Stray& stray : strays_) {
            if (is_theirs(stray)) {
                tables_[stray.table].jumps.push_back({stray.chain, stray.spec, false});
            }
        }
        std::erase_if(tables_, [](const TableWords& table) {
            return table.chains.empty() && table.jumps.empty();
        });
        return std::move(tables_);
    }

private:
    void read_line(std::string_view line) {
        if (line.starts_with('*')) {
            tables_.push_back({std::string{line.substr(1)}, {}, {}, {}});
        } else if (tables_.empty()) {
            return;
        } else if (line.starts_with(':')) {
            const auto name = line.substr(1, line.find(' ') - 1);
            if (has_chain(mesh_, name)) tables_.back().chains.emplace_back(name);
        } else if (line.starts_with("-A ")) {
            read_rule(line);
        }
    }

    void read_rule(std::string_view line) {
        auto words = split_iptables_line(line);
        if (!words || words->size() < 3) return;
        const std::string chain = (*words)[1];
        has_comments_ |= has_comment(*words);
        if (has_chain(mesh_, chain)) {
            tables_.back().rules.emplace_back(line);
            if (value_of(*words, "-j") == "REDIRECT") {
                ports_.emplace_back(value_of(*words, "--to-ports"));
            }
            return;
        }
        auto spec = line.substr(line.find(' ') + 1);
        spec.remove_prefix(spec.find(' ') + 1);
        strays_.push_back({tables_.size() - 1, chain, std::string{spec}, std::move(*words)});
    }

    [[nodiscard]] bool has_comment(const Words& words) const {
        return !mesh_.comment.empty() && value_of(words, "--comment").starts_with(mesh_.comment);
    }

    [[nodiscard]] bool has_chains() const {
        return std::ranges::any_of(tables_,
                                   [](const auto& table) { return !table.chains.empty(); });
    }

    [[nodiscard]] bool is_theirs(const Stray& stray) const {
        const Words& words = stray.words;
        if (has_comment(words)) return true;
        if (has_chain(mesh_, value_of(words, "-j")) || has_chain(mesh_, value_of(words, "-g"))) {
            return true;
        }
        if (has_comments_ || !has_chains()) return false;
        const auto target = value_of(words, "-j");
        const bool is_udp = value_of(words, "-p") == "udp";
        const bool is_dns = value_of(words, "--dport") == "53";
        if (target == "REDIRECT") {
            const auto port = value_of(words, "--to-ports");
            return (is_udp && is_dns) || std::ranges::find(ports_, port) != ports_.end();
        }
        const auto zone = value_of(words, "--zone");
        if (target == "CT") return is_udp && (zone == "1" || zone == "2");
        // Around their capture of DNS, in the chain where it is.
        return stray.chain == "OUTPUT" && tables_[stray.table].table == "nat" && is_dns &&
               std::ranges::find(words, "--uid-owner") != words.end() &&
               (target == "RETURN" || target == "DOCKER_OUTPUT");
    }

    const OtherMesh& mesh_;
    std::vector<TableWords> tables_;
    std::vector<Stray> strays_;
    std::vector<std::string> ports_;  ///< that its chains redirect to
    bool has_comments_ = false;
};

}  // namespace

std::span<const OtherMesh> other_meshes() {
    return meshes;
}

std::span<const std::string_view> other_chain_prefixes() {
    return chain_prefixes;
}

std::vector<TableWords> rules_of(const OtherMesh& mesh, std::string_view saved) {
    return Reader{mesh}.read(saved);
}

}  // namespace meshgate::netfilter
