#include "src/meshgate-redirect/engine.h"

#include "netfilter/iptables/iptables.h"
#include "netfilter/nftnl/kernel.h"
#include "netfilter/nftnl/replacement.h"
#include "netfilter/nftnl/route_netlink.h"
#include "src/meshgate-redirect/connections.h"

#include <net/if.h>

#include <array>
#include <cerrno>
#include <system_error>

namespace meshgate::redirect {
namespace {

using namespace netfilter;

class NftablesEngine final : public Engine {
public:
    explicit NftablesEngine(Held held) : kernel_(held) {}
    [[nodiscard]] std::string_view name() const noexcept override { return "nftables"; }
    std::optional<Installed> read() override { return kernel_.read(table_name); }
    Counters counters() override { return kernel_.counters(table_name); }
    Ruleset form_of(const Ruleset& ruleset) override { return ruleset; }
    std::optional<KernelError> trial(const Ruleset& ruleset) override {
        return kernel_.trial(ruleset);
    }
    void replace(const Ruleset& ruleset, const Ownership& ownership) override {
        auto mark = ownership;
        mark.confirm.clear();  // it has a table of its own
        kernel_.replace(ruleset, mark, remember_connections);
    }
    bool remove() override { return kernel_.remove(table_name); }
    Kept keep() override {
        Kept kept;
        kept.table = kernel_.read(table_name);
        const bool is_of_others = kept.table && !kept.table->ownership;
        return is_of_others ? Kept{} : kept;
    }
    void put_back(const Kept& kept) override {
        if (!kept.table) {
            remove();
        } else if (has_remains() || kernel_.read(table_name) != kept.table) {
            kernel_.replace(kept.table->ruleset, *kept.table->ownership, remember_connections);
        }
    }
    [[nodiscard]] bool holds() const noexcept override { return kernel_.holds(); }
    bool claim() override { return kernel_.claim(table_name); }
    bool update_elements(const Ruleset& before, const Ruleset& after) override {
        return kernel_.update_elements(before, after);
    }
    bool update_vips(std::span<const VipUpdate> updates) override {
        kernel_.update_vips(table_name, updates);
        return true;
    }
    [[nodiscard]] bool is_own_port(std::uint32_t port) const noexcept override {
        return port == kernel_.port();
    }
    bool has_remains() override { return kernel_.read(bridge_name(table_name)).has_value(); }

private:
    Kernel kernel_;
};

class IptablesEngine final : public Engine {
public:
    explicit IptablesEngine(conf::IptablesBackend backend) : iptables_{backend, loopback_name()} {}
    [[nodiscard]] std::string_view name() const noexcept override { return "iptables"; }
    std::optional<Installed> read() override { return iptables_.read(); }
    Counters counters() override { return iptables_.counters(); }
    Ruleset form_of(const Ruleset& ruleset) override { return iptables_.form_of(ruleset); }
    std::optional<KernelError> trial(const Ruleset& ruleset) override {
        return iptables_.trial(ruleset);
    }
    void replace(const Ruleset& ruleset, const Ownership& ownership) override {
        if (!iptables_.read()) remember_connections();
        iptables_.replace(ruleset, ownership);
    }
    bool remove() override { return iptables_.remove(); }
    Kept keep() override { return {.table = {}, .words = iptables_.keep()}; }
    void put_back(const Kept& kept) override { iptables_.put_back(kept.words); }
    bool has_remains() override { return false; }  // read() finds them

private:
    Iptables iptables_;
};

}  // namespace

std::unique_ptr<Engine> nftables_engine(Held held) try {
    auto engine = std::make_unique<NftablesEngine>(held);
    engine->has_remains();  // the kernel is asked something
    return engine;
} catch (const KernelError& error) {
    if (error.error() == EOPNOTSUPP) throw Unsupported(no_nf_tables);
    throw;
} catch (const std::system_error& error) {
    if (error.code().value() == EPROTONOSUPPORT) throw Unsupported(no_nf_tables);
    throw;
}

std::unique_ptr<Engine> iptables_engine(conf::IptablesBackend backend) {
    return std::make_unique<IptablesEngine>(backend);
}

std::string loopback_name() {
    std::array<char, IF_NAMESIZE> name{};
    return if_indextoname(loopback_index, name.data()) != nullptr ? name.data() : "lo";
}

}  // namespace meshgate::redirect
