// A hosts file, from any bytes: what is read of it are names that a table takes.
#include "dns/zone/build.h"
#include "dns/zone/hosts_text.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

using namespace meshgate::dns;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    auto read = zone::read_hosts({reinterpret_cast<const char*>(data), size});
    for (std::size_t i = 0; i < read.hosts.size(); ++i) {
        const auto name = read.hosts[i].name;
        if (name.size() < 3 || name.size() > wire::name_bytes_max || name.back() != 0) std::abort();
        std::size_t at = 0;
        while (name[at] != 0) at += 1U + name[at];
        if (at + 1 != name.size()) std::abort();
    }
    zone::Contents contents;
    contents.domains = {"mesh"};
    const auto hosts = std::make_shared<const zone::HostList>(std::move(read.hosts));
    const auto table = zone::build(contents, {{{"hosts", 30, true, true, hosts, true}}});
    if (table->names() > hosts->size()) std::abort();
    return 0;
}
