#include "conf/kuma/resource_folder.h"
#include "conf/load.h"
#include "dns/feed/polling.h"
#include "src/common/log.h"
#include "src/meshgate-dns/catalogue.h"
#include "src/meshgate-dns/json.h"
#include "src/meshgate-dns/rebuild.h"
#include "src/meshgate-dns/verbs.h"

#include <iostream>

namespace meshgate::dnsd {
namespace {

using dns::zone::ListedName;

void print_text(const std::vector<ListedName>& rows) {
    for (const ListedName& row : rows) {
        std::cout << row.name << '\t' << row.ttl << "\tIN\t" << row.type << '\t' << row.value
                  << '\n';
    }
}

void print_json(const std::vector<ListedName>& rows) {
    const char* separator = "[";
    for (const ListedName& row : rows) {
        std::cout << separator << "{\"name\":" << json_string(row.name) << ",\"ttl\":" << row.ttl
                  << ",\"type\":" << json_string(row.type)
                  << ",\"value\":" << json_string(row.value)
                  << ",\"source\":" << json_string(row.source) << '}';
        separator = ",\n ";
    }
    std::cout << (rows.empty() ? "[]" : "]") << '\n';
}

/// What the feeds say now. One that does not answer is a line in `warnings`.
FeedNames ask_feeds(const conf::Feeds& feeds, std::vector<std::string>& warnings) {
    constexpr std::chrono::seconds patience{5};
    FeedNames names;
    if (!feeds.kuma) return names;
    dns::feed::Look look = dns::feed::look_once(feeds.kuma->socket, patience);
    if (look.document) {
        names.kuma = std::make_shared<const dns::feed::KumaDocument>(std::move(*look.document));
    } else {
        warnings.push_back("feed kuma: " + look.error + "; its names are missing");
    }
    return names;
}

}  // namespace

ExitCode names(const Invocation& invocation) {
    const conf::Loaded loaded = conf::kuma::load_with_resources(invocation.config);
    std::vector<std::string> warnings;
    const auto kept = read_kept_state(loaded.config.vip.state, warnings);
    const Catalogue catalogue = make_catalogue(loaded, kept);
    warnings.insert(warnings.end(), catalogue.warnings.begin(), catalogue.warnings.end());
    // Building says what listing does not: names that contradict each other.
    [[maybe_unused]] const auto table = dns::zone::build(catalogue.contents);
    const auto told = ask_feeds(loaded.config.feed, warnings);
    HostsFiles hosts{loaded.config};
    const auto sources = all_sources(loaded.config, told, hosts, warnings);
    log::warnings(warnings);
    const auto rows = dns::zone::list(catalogue.contents, sources);
    invocation.json ? print_json(rows) : print_text(rows);
    return ExitCode::done;
}

}  // namespace meshgate::dnsd
