#include "netfilter/iptables/other_mesh.h"
#include "netfilter/iptables/replacement.h"
#include "netfilter/iptables/saved.h"
#include "netfilter/ruleset/print.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

// What iptables-save prints: whoever may change rules chooses much of it. What is read of it is
// walked by status and explain, and goes back to iptables-restore.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace meshgate::netfilter;
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    const auto ipv4 = read_saved(text, Family::ipv4, "lo");
    const auto ipv6 = read_saved(text, Family::ipv6, "lo");
    if (const auto installed = installed_of(ipv4, ipv6)) (void)to_lines(installed->ruleset);
    for (const OtherMesh& mesh : other_meshes()) (void)replacement_text(rules_of(mesh, text), {});
    const auto removal = replacement_text(ipv4.tables, {});
    // Taking away leaves nothing to take away twice, and no line that the text did not have.
    if (ipv4.tables.empty() != removal.empty()) __builtin_trap();
    return 0;
}
