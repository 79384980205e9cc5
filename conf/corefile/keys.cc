#include "conf/corefile/keys.h"

#include "conf/corefile/words.h"
#include "conf/words.h"

#include <algorithm>
#include <map>
#include <tuple>

namespace meshgate::conf::corefile {
namespace {

constexpr std::string_view plain_dns = "dns://";

std::optional<ServerBlock::Key> read_key(const Token& token, Port default_port,
                                         Problems& problems) {
    std::string_view text = token.text;
    if (text.starts_with(plain_dns)) text.remove_prefix(plain_dns.size());
    if (text.find("://") != std::string_view::npos) {
        problems.error(token, about(token, "needs encryption, which this server does not speak; "
                                           "dns.listen takes ADDRESS:PORT for UDP and TCP"));
        return std::nullopt;
    }
    ServerBlock::Key key{"", default_port, token.where};
    if (const auto colon = text.rfind(':'); colon != std::string_view::npos) {
        const auto port = parse_number(text.substr(colon + 1), 65535);
        if (!port || *port == 0) {
            problems.error(token, about(token, "has no port of 1 to 65535 behind its ':'"));
            return std::nullopt;
        }
        key.port = static_cast<Port>(*port);
        text = text.substr(0, colon);
    }
    const auto zone = text.empty() ? std::optional<std::string>{""} : parse_zone(text);
    if (!zone) {
        problems.error(token, about(token, "is no zone; write a network as its name below "
                                           "in-addr.arpa or ip6.arpa, and an address with 'bind'"));
        return std::nullopt;
    }
    key.zone = *zone;
    return key;
}

}  // namespace

std::vector<ServerBlock::Key> read_keys(const std::vector<Token>& tokens, Port default_port,
                                        Problems& problems) {
    std::vector<ServerBlock::Key> keys;
    for (const Token& token : tokens) {
        if (auto key = read_key(token, default_port, problems)) keys.push_back(std::move(*key));
    }
    return keys;
}

void refuse_twins(const std::vector<ServerBlock>& blocks, std::vector<Diagnostic>& errors) {
    std::map<std::tuple<std::vector<std::string>, std::string, Port>, Location> seen;
    for (const ServerBlock& block : blocks) {
        auto bind = block.bind;
        std::sort(bind.begin(), bind.end());
        for (const auto& key : block.keys) {
            const auto [first, is_new] =
                seen.try_emplace(std::tuple{bind, key.zone, key.port}, key.where);
            if (is_new) continue;
            errors.push_back(
                {key.where,
                 in_quotes((key.zone.empty() ? "." : key.zone) + ":" + std::to_string(key.port)) +
                     " has a block already, at " + first->second.to_string()});
        }
    }
}

}  // namespace meshgate::conf::corefile
