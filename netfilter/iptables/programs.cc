#include "netfilter/iptables/programs.h"

#include "netfilter/iptables/legacy_tables.h"
#include "netfilter/ruleset/kernel_error.h"
#include "src/common/program.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>

namespace meshgate::netfilter {
namespace {

using conf::IptablesBackend;

constexpr std::chrono::seconds patience{60};
/// For the lock that iptables-legacy takes (/run/xtables.lock).
constexpr const char* wait_option = "--wait=20";

IptablesPrograms programs_named(const std::string& infix, IptablesBackend backend) {
    return {.backend = backend,
            .save = find_program("iptables" + infix + "-save"),
            .restore = find_program("iptables" + infix + "-restore"),
            .save6 = find_program("ip6tables" + infix + "-save"),
            .restore6 = find_program("ip6tables" + infix + "-restore")};
}

bool is_usable(const IptablesPrograms& programs) {
    return !programs.save.empty() && !programs.restore.empty();
}

/// By the name of the program behind the links: xtables-nft-multi, xtables-legacy-multi. Before
/// there were two, it was what is the legacy one now.
IptablesBackend backend_behind(const std::string& path) {
    std::error_code error;
    const auto file = std::filesystem::canonical(path, error).filename().string();
    return file.find("nft") != file.npos ? IptablesBackend::nft : IptablesBackend::legacy;
}

std::string first_line(std::string_view text) {
    return std::string{text.substr(0, text.find('\n'))};
}

/// The programs have no exit status for it that all versions agree on.
int error_of(std::string_view complaint) {
    const auto says = [complaint](std::string_view words) {
        return complaint.find(words) != complaint.npos;
    };
    return says("ermission denied") || says("not permitted") ? EPERM : EPROTO;
}

std::string run(const std::string& program, const std::vector<std::string>& options,
                std::string_view input) {
    if (program.empty()) throw KernelError("ip6tables", ENOENT, "it is not on this machine");
    std::vector<std::string> arguments{program};
    arguments.insert(arguments.end(), options.begin(), options.end());
    auto done = run_program(arguments, input, patience);
    if (done.status != 0) {
        const auto name = std::filesystem::path{program}.filename().string();
        throw KernelError(name, error_of(done.err), first_line(done.err));
    }
    return std::move(done.out);
}

}  // namespace

std::vector<IptablesPrograms> find_iptables() {
    std::vector<IptablesPrograms> found;
    for (auto programs : {programs_named("-nft", IptablesBackend::nft),
                          programs_named("-legacy", IptablesBackend::legacy)}) {
        if (is_usable(programs)) found.push_back(std::move(programs));
    }
    auto plain = programs_named("", IptablesBackend::legacy);
    if (!is_usable(plain)) return found;
    plain.backend = backend_behind(plain.restore);
    const auto same = std::ranges::find(found, plain.backend, &IptablesPrograms::backend);
    if (same == found.end()) {
        found.insert(found.begin(), std::move(plain));
    } else {
        std::rotate(found.begin(), same, same + 1);
    }
    return found;
}

Presence::Presence(std::span<const std::string_view> prefixes)
    : prefixes_(prefixes), chains_(chain_names()) {}

bool Presence::in(IptablesBackend backend, Family family) const {
    if (backend != IptablesBackend::nft) return legacy_tables_mention(family, prefixes_);
    return std::ranges::any_of(chains_, [&](const ChainName& chain) {
        return chain.is_of(family) && std::ranges::any_of(prefixes_, [&](auto prefix) {
                   return chain.name.starts_with(prefix);
               });
    });
}

bool Presence::anywhere() const {
    for (const auto backend : {IptablesBackend::nft, IptablesBackend::legacy}) {
        if (in(backend, Family::ipv4) || in(backend, Family::ipv6)) return true;
    }
    return false;
}

std::string save_rules(const IptablesPrograms& programs, Family family, SavedForm form) {
    const auto& program = family == Family::ipv4 ? programs.save : programs.save6;
    if (form == SavedForm::plain) return run(program, {}, "");
    return run(program, {"-c"}, "");
}

void restore_rules(const IptablesPrograms& programs, Family family, std::string_view text) {
    if (text.empty()) return;
    run(family == Family::ipv4 ? programs.restore : programs.restore6,
        {"--noflush", "--counters", wait_option}, text);
}

}  // namespace meshgate::netfilter
