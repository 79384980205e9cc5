#include "netfilter/nftnl/read.h"

#include "netfilter/nftnl/counters.h"
#include "netfilter/nftnl/elements.h"
#include "netfilter/nftnl/expressions.h"
#include "netfilter/nftnl/handles.h"
#include "netfilter/nftnl/intervals.h"
#include "netfilter/nftnl/kernel_headers.h"
#include "netfilter/nftnl/maps.h"
#include "netfilter/nftnl/read_maps.h"
#include "netfilter/nftnl/read_rule.h"
#include "netfilter/nftnl/replacement.h"
#include "netfilter/nftnl/request.h"
#include "netfilter/nftnl/sets.h"
#include "netfilter/nftnl/standstill.h"
#include "netfilter/nftnl/table_state.h"
#include "netfilter/nftnl/table_watch.h"
#include "netfilter/nftnl/userdata.h"

#include <libmnl/libmnl.h>
#include <libnftnl/udata.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <system_error>
#include <utility>

namespace meshgate::netfilter {

namespace {

/// Somebody changed nf_tables between two of our questions.
struct Interrupted {};

std::string text(const char* string) {
    return string == nullptr ? std::string{} : std::string{string};
}

Bytes bytes(const void* data, std::uint32_t length) {
    if (data == nullptr) return {};
    return {static_cast<const std::uint8_t*>(data), length};
}

/// One pass over the objects of a table, in the order in which they were made.
class TableReader {
public:
    /// @param watch  says later whether others changed this table: what they do to their own is
    ///               no matter then. Null: nobody changes anything
    TableReader(Netlink& netlink, std::string_view table, TableWatch* watch)
        : netlink_(netlink), table_(table), watch_(watch) {
        installed_.ruleset.table = table;
    }

    std::optional<Installed> read() {
        if (!read_table_itself()) return std::nullopt;
        read_sets();
        read_chains();
        read_rules();
        read_endpoints();
        read_objects();
        read_flowtables();
        return std::move(installed_);
    }

private:
    bool read_table_itself() {
        const auto table = ask_for_table(netlink_, table_);
        if (table == nullptr) return false;
        installed_.ownership = ownership_of(*table);
        const auto flags = nftnl_table_get_u32(table.get(), NFTNL_TABLE_FLAGS);
        installed_.is_held = (flags & NFT_TABLE_F_OWNER) != 0;
        if ((flags & ~(NFT_TABLE_F_OWNER | table_persists)) != 0) {
            unknown("the table has flags (dormant)");
        }
        return true;
    }

    void read_sets() {
        std::vector<NftSet> sets;
        Request request{NFT_MSG_GETSET};
        mnl_attr_put_strz(request.get(), NFTA_SET_TABLE, table_.c_str());
        dump(request, "sets", [&](const nlmsghdr& message) {
            auto set = own<NftSet>(nftnl_set_alloc());
            if (nftnl_set_nlmsg_parse(&message, set.get()) < 0) return;
            if (text(nftnl_set_get_str(set.get(), NFTNL_SET_TABLE)) != table_) return;
            counts_[text(nftnl_set_get_str(set.get(), NFTNL_SET_NAME))] = said_count(message);
            sets.push_back(std::move(set));
        });
        for (const auto& set : sets) read_set(*set);
    }

    /// @return false when it is no map of ours.
    bool read_map(nftnl_set& set) {
        if (auto map = to_class_map(set)) {
            read_map_elements(map->name, [&] {
                return read_elements(netlink_, table_, *map, counts_[map->name], meanwhile_);
            });
            installed_.ruleset.class_maps.push_back(std::move(*map));
            return true;
        }
        if (auto map = to_endpoint_map(set)) {
            installed_.ruleset.endpoint_maps.push_back(std::move(*map));
            return true;
        }
        return false;
    }

    /// Last: the rules and classes say what may be in them.
    void read_endpoints() {
        const auto& rules = installed_.ruleset;
        for (auto& map : installed_.ruleset.endpoint_maps) {
            read_map_elements(map.name, [&] {
                return read_elements(netlink_, table_, map, counts_[map.name], rules, meanwhile_);
            });
        }
    }

    template <class Read>
    void read_map_elements(const std::string& name, Read read) {
        MapReading reading;
        run("elements of map " + name, [&] { return (reading = read()).dumped; });
        if (!reading.all_known) unknown("elements of map " + name);
    }

    void read_set(nftnl_set& set) {
        if (read_map(set)) return;
        const auto name = text(nftnl_set_get_str(&set, NFTNL_SET_NAME));
        const auto flags = nftnl_set_get_u32(&set, NFTNL_SET_FLAGS);
        const KeyType key{.id = nftnl_set_get_u32(&set, NFTNL_SET_KEY_TYPE),
                          .bytes = nftnl_set_get_u32(&set, NFTNL_SET_KEY_LEN)};
        if (flags == (NFT_SET_ANONYMOUS | NFT_SET_CONSTANT) && key.id == inet_proto_key.id) {
            read_protocol_set(name);
            return;
        }
        Set read{.name = name, .comment = {}, .elements = {}};
        if (!set_type(key, read) || flags != set_flags(read)) {
            if ((flags & NFT_SET_ANONYMOUS) == 0) unknown("set " + name);
            return;  // a nameless set belongs to a rule, which is unknown itself
        }
        std::uint32_t length = 0;
        const auto* userdata = nftnl_set_get_data(&set, NFTNL_SET_USERDATA, &length);
        read.comment = find_text(bytes(userdata, length), NFTNL_UDATA_SET_COMMENT).value_or("");
        for (auto& line : from_intervals(read_intervals(name), read)) unknown(std::move(line));
        if (name == open_dns_set) installed_.dns_is_open = take_state(read);
        installed_.ruleset.sets.push_back(std::move(read));
    }

    /// That set holds a state, not a part of the plan.
    static bool take_state(Set& set) {
        auto* ports = std::get_if<PortElements>(&set.elements);
        return ports != nullptr && !std::exchange(*ports, {}).empty();
    }

    static bool set_type(const KeyType& key, Set& set) {
        const std::array<decltype(Set::elements), 6> types{
            PortElements{},  UidElements{},
            GidElements{},   MarkElements{},
            AddressElements{Family::ipv4, {}}, AddressElements{Family::ipv6, {}}};
        return std::ranges::any_of(types, [&](const auto& type) {
            set.elements = type;
            const auto own_key = key_type(set);
            return own_key.id == key.id && own_key.bytes == key.bytes;
        });
    }

    void read_protocol_set(const std::string& name) {
        std::vector<Protocol> protocols;
        for (const auto& element : read_intervals(name)) {
            if (element.key[0] == protocol_number(Protocol::tcp)) {
                protocols.push_back(Protocol::tcp);
            } else if (element.key[0] == protocol_number(Protocol::udp)) {
                protocols.push_back(Protocol::udp);
            } else {
                return;  // the rule that looks it up is unknown then
            }
        }
        std::ranges::sort(protocols);
        protocol_sets_.emplace(name, std::move(protocols));
    }

    std::vector<IntervalElement> read_intervals(const std::string& set) {
        std::vector<IntervalElement> elements;
        const auto add = [&](auto& one) { elements.push_back(to_interval_element(one)); };
        run("elements of set " + set, [&] { return dump_elements(netlink_, table_, set, add); });
        return elements;
    }

    void read_chains() {
        Request request{NFT_MSG_GETCHAIN};
        dump_all_tables(request, "chains", [&](const nlmsghdr& message) {
            const auto chain = own<NftChain>(nftnl_chain_alloc());
            if (nftnl_chain_nlmsg_parse(&message, chain.get()) < 0) return;
            if (text(nftnl_chain_get_str(chain.get(), NFTNL_CHAIN_TABLE)) == table_) {
                read_chain(*chain);
            }
        });
    }

    void read_chain(nftnl_chain& chain) {
        Chain read{.name = text(nftnl_chain_get_str(&chain, NFTNL_CHAIN_NAME)),
                   .base = std::nullopt,
                   .rules = {}};
        if (nftnl_chain_is_set(&chain, NFTNL_CHAIN_HOOKNUM)) {
            read.base = read_base(chain);
            if (!read.base) unknown("hook of chain " + read.name);
        }
        if (nftnl_chain_is_set(&chain, NFTNL_CHAIN_USERDATA)) {
            unknown("comment of chain " + read.name);
        }
        installed_.ruleset.chains.push_back(std::move(read));
    }

    static std::optional<BaseChain> read_base(nftnl_chain& chain) {
        BaseChain base;
        const auto type = text(nftnl_chain_get_str(&chain, NFTNL_CHAIN_TYPE));
        if (type == "nat")
            base.type = ChainType::nat;
        else if (type != "filter")
            return std::nullopt;
        const auto hook = nftnl_chain_get_u32(&chain, NFTNL_CHAIN_HOOKNUM);
        if (hook == NF_INET_PRE_ROUTING)
            base.hook = Hook::prerouting;
        else if (hook == NF_INET_POST_ROUTING)
            base.hook = Hook::postrouting;
        else if (hook != NF_INET_LOCAL_OUT)
            return std::nullopt;
        if (nftnl_chain_get_u32(&chain, NFTNL_CHAIN_POLICY) != NF_ACCEPT) return std::nullopt;
        base.priority = nftnl_chain_get_s32(&chain, NFTNL_CHAIN_PRIO);
        return base;
    }

    void read_rules() {
        Request request{NFT_MSG_GETRULE};
        mnl_attr_put_strz(request.get(), NFTA_RULE_TABLE, table_.c_str());
        dump(request, "rules", [&](const nlmsghdr& message) {
            const auto rule = own<NftRule>(nftnl_rule_alloc());
            if (nftnl_rule_nlmsg_parse(&message, rule.get()) < 0) return;
            if (text(nftnl_rule_get_str(rule.get(), NFTNL_RULE_TABLE)) != table_) return;
            auto& chains = installed_.ruleset.chains;
            const auto name = text(nftnl_rule_get_str(rule.get(), NFTNL_RULE_CHAIN));
            const auto chain = std::ranges::find(chains, name, &Chain::name);
            if (chain == chains.end()) throw Interrupted{};
            if (auto read = read_rule(*rule, protocol_sets_)) {
                chain->rules.push_back(std::move(*read));
            } else {
                unknown("rule with handle " +
                        std::to_string(nftnl_rule_get_u64(rule.get(), NFTNL_RULE_HANDLE)) +
                        " in chain " + name);
            }
        });
    }

    /// The counters of causes; of the others we make none.
    void read_objects() {
        dump_kind(NFT_MSG_GETOBJ, "object", [&](const nlmsghdr& message) {
            const auto object = own<NftObject>(nftnl_obj_alloc());
            if (nftnl_obj_nlmsg_parse(&message, object.get()) < 0) return;
            if (text(nftnl_obj_get_str(object.get(), NFTNL_OBJ_TABLE)) != table_) return;
            auto name = text(nftnl_obj_get_str(object.get(), NFTNL_OBJ_NAME));
            const bool is_counter =
                nftnl_obj_get_u32(object.get(), NFTNL_OBJ_TYPE) == NFT_OBJECT_COUNTER;
            if (is_counter && is_cause(name)) {
                installed_.ruleset.counters.push_back(std::move(name));
            } else if (!is_counter || !is_earlier_counter(name)) {
                unknown("object " + name);
            }
        });
    }

    /// We never make any.
    void read_flowtables() {
        dump_kind(NFT_MSG_GETFLOWTABLE, "flowtable", [&](const nlmsghdr& message) {
            std::string table;
            std::string name;
            for_each_attribute(message, sizeof(nfgenmsg), [&](const nlattr& attribute) {
                if (mnl_attr_validate(&attribute, MNL_TYPE_NUL_STRING) != 0) return;
                const auto found = mnl_attr_get_type(&attribute);
                if (found == NFTA_FLOWTABLE_TABLE) table = mnl_attr_get_str(&attribute);
                if (found == NFTA_FLOWTABLE_NAME) name = mnl_attr_get_str(&attribute);
            });
            if (table == table_) unknown("flowtable " + name);
        });
    }

    void dump_kind(std::uint16_t type, const std::string& kind,
                   const Netlink::OnMessage& on_message) {
        Request request{type};
        try {
            dump_all_tables(request, kind, on_message);
        } catch (const KernelError& error) {
            // A kernel that does not know the kind has none of it.
            if (error.error() != EOPNOTSUPP && error.error() != EINVAL) throw;
        }
    }

    void dump(Request& request, const std::string& what, const Netlink::OnMessage& on_message) {
        run(what, [&] { return netlink_.dump(*request, on_message); });
    }

    /// Of a kind whose objects the kernel counts over all tables: one of ours may be passed over
    /// between two messages when others come and go.
    void dump_all_tables(Request& request, const std::string& what,
                         const Netlink::OnMessage& on_message) {
        std::set<std::uint64_t> datagrams;
        run(what, [&] {
            const auto dumped = netlink_.dump(*request, [&](const nlmsghdr& message) {
                datagrams.insert(netlink_.traffic().datagrams);
                on_message(message);
            });
            const bool is_whole = dumped == Netlink::Dumped::whole || datagrams.size() <= 1;
            return is_whole ? dumped : Netlink::Dumped::interrupted;
        });
    }

    template <class Dump>
    void run(const std::string& what, Dump dump) {
        try {
            const auto dumped = dump();
            if (dumped == Netlink::Dumped::interrupted) throw Interrupted{};
            if (dumped == Netlink::Dumped::overlapped && watch_ == nullptr) throw Interrupted{};
            meanwhile_();
        } catch (const std::system_error& error) {
            if (error.code().value() == ENOENT) throw Interrupted{};  // gone since it was listed
            throw KernelError{what + " of table inet " + table_, error.code().value(), {}};
        }
    }

    void unknown(std::string line) { installed_.unknown.push_back(std::move(line)); }

    Netlink& netlink_;
    std::string table_;
    TableWatch* watch_;
    Meanwhile meanwhile_ = [this] {
        if (watch_ != nullptr) watch_->listen();
    };
    Installed installed_;
    ProtocolSets protocol_sets_;
    std::map<std::string, std::optional<std::size_t>> counts_;  ///< by set, as the kernel says
};

}  // namespace

namespace {

/// Between two transactions of a replacement, or after one that was killed there, the bridge
/// serves.
std::optional<Installed> read_serving_table(Netlink& netlink, std::string_view table,
                                            TableWatch* watch) {
    const auto bridge = bridge_name(table);
    if (presence(netlink, table) == TablePresence::active ||
        presence(netlink, bridge) != TablePresence::active) {
        return TableReader{netlink, table, watch}.read();
    }
    auto installed = TableReader{netlink, bridge, watch}.read();
    if (!installed) throw Interrupted{};
    installed->ruleset.table = table;
    installed->unknown.push_back("table " + bridge + " of a replacement that has not ended");
    return installed;
}

}  // namespace

std::optional<Installed> read_table(Netlink& netlink, std::string_view table, std::uint32_t* at) {
    Standstill standstill;
    std::optional<TableWatch> watch;
    do {
        const auto before = generation(netlink);
        try {
            auto installed = read_serving_table(netlink, table, watch ? &*watch : nullptr);
            const auto after = last_generation(netlink);
            if (at != nullptr) *at = after;
            if (after == before || (watch && watch->is_unchanged())) return installed;
        } catch (const Interrupted&) {
        }
        // Somebody may change his own tables for ever: from now on only what he does to ours counts.
        watch.emplace(netlink, std::vector{std::string{table}, bridge_name(table)});
    } while (standstill.wait());
    throw KernelError{"table inet " + std::string{table}, EAGAIN,
                      "the ruleset does not stand still"};
}

}  // namespace meshgate::netfilter
