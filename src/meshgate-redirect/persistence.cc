#include "src/meshgate-redirect/persistence.h"

#include "conf/load.h"
#include "conf/redirect_toml.h"
#include "netfilter/iptables/saved.h"
#include "netfilter/iptables/text.h"
#include "netfilter/ruleset/print.h"
#include "src/common/log.h"
#include "src/common/program.h"
#include "src/common/whole_file.h"
#include "src/meshgate-redirect/direct_xml.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <system_error>

namespace meshgate::redirect {
namespace {

namespace fs = std::filesystem;

constexpr const char* unit = "meshgate-redirect.service";
constexpr const char* firewalld_folder = "/etc/firewalld";
constexpr const char* direct_xml = "/etc/firewalld/direct.xml";
const std::string unit_configuration{conf::default_path};
constexpr std::chrono::seconds patience{60};

bool is_there(const std::string& path) {
    std::error_code error;
    return fs::exists(path, error);
}

bool is_iptables(const Setup& setup, const Capture& capture) {
    return setup.config.redirect.engine == conf::Engine::iptables || capture.lacks_nftables();
}

/// What the unit would read.
void require_same_file(const Setup& setup) {
    if (!is_there(unit_configuration)) return;
    const auto there = conf::parse(conf::read_text(unit_configuration), unit_configuration).config;
    if (conf::redirect_toml(there) == conf::redirect_toml(setup.config)) return;
    throw Unsupported(std::string{"--store-firewalld: "} + unit + " reads " + unit_configuration +
                      ", which says something else: have it say what these files, flags and the "
                      "environment say (meshgate-redirect import kumactl -- FLAGS prints them)");
}

void write_configuration(const Setup& setup) {
    if (is_there(unit_configuration)) return;
    fs::create_directories(fs::path{unit_configuration}.parent_path());
    write_whole_file(unit_configuration, conf::redirect_toml(setup.config), 0644);
    log::notice("written: " + unit_configuration);
}

void enable_unit() {
    const auto done = run_program({find_program("systemctl"), "enable", unit}, "", patience);
    if (done.status == 0) return;
    throw std::runtime_error(std::string{"systemctl enable "} + unit + ": " +
                             done.err.substr(0, done.err.find('\n')));
}

DirectRules direct_rules(const Setup& setup, Capture& capture) {
    const auto& ruleset = setup.plan.ruleset;
    const netfilter::Ownership ownership{.format = netfilter::table_format,
                                         .version = MESHGATE_VERSION,
                                         .digest = digest(capture.engine().form_of(ruleset))};
    const auto words = [&](netfilter::Family family) {
        auto tables = netfilter::iptables_words(ruleset, family, loopback_name());
        netfilter::add_mark(tables, ownership);
        return tables;
    };
    return {words(netfilter::Family::ipv4), words(netfilter::Family::ipv6)};
}

std::string read_direct_xml() {
    return is_there(direct_xml) ? conf::read_text(direct_xml) : "";
}

/// @return false when nothing changed.
template <class Change>
bool change_direct_xml(Change change) try {
    const auto before = read_direct_xml();
    const auto after = change(before);
    if (after == before) return false;
    write_whole_file(direct_xml, after, 0600);
    return true;
} catch (const std::runtime_error& error) {
    throw std::runtime_error(std::string{direct_xml} + ": " + error.what());
}

}  // namespace

void require_can_persist(const Setup& setup, const Capture& capture) {
    if (is_iptables(setup, capture)) {
        if (is_there(firewalld_folder)) return;
        throw Unsupported(std::string{"--store-firewalld: there is no "} + firewalld_folder +
                          ": firewalld is not on this machine");
    }
    if (find_program("systemctl").empty()) {
        throw Unsupported("--store-firewalld: there is no systemctl here: have the rules installed "
                          "at boot by what starts this machine (meshgate-redirect install)");
    }
    require_same_file(setup);
}

void persist(const Setup& setup, Capture& capture) {
    if (capture.engine().name() == "nftables") {
        write_configuration(setup);
        enable_unit();
        log::notice(std::string{unit} + " installs the rules at every boot; firewalld leaves them "
                                        "alone");
        return;
    }
    const auto rules = direct_rules(setup, capture);
    if (change_direct_xml([&](const std::string& xml) { return with_direct_rules(xml, rules); })) {
        log::notice(std::string{"written: "} + direct_xml +
                    ", from which firewalld loads the rules when it starts or reloads");
    }
}

bool forget() {
    const auto xml = read_direct_xml();
    if (xml.find(netfilter::mark_chain) == xml.npos) return false;
    return change_direct_xml([](const std::string& text) { return without_direct_rules(text); });
}

bool has_others() {
    const auto xml = read_direct_xml();
    return std::ranges::any_of(netfilter::other_chain_prefixes(), [&xml](auto prefix) {
        return xml.find(prefix) != xml.npos;
    });
}

bool forget_others() {
    if (!has_others()) return false;
    const auto prefixes = netfilter::other_chain_prefixes();
    return change_direct_xml(
        [&](const std::string& text) { return without_chains_of_others(text, prefixes); });
}

}  // namespace meshgate::redirect
