#include "dns/naming/names.h"

#include "conf/words.h"
#include "dns/naming/hostnames.h"
#include "dns/naming/reachable.h"
#include "dns/naming/virtual_outbounds.h"
#include "dns/wire/text_name.h"
#include "dns/zone/service_names.h"

#include <algorithm>
#include <array>
#include <map>
#include <unordered_map>
#include <utility>

namespace meshgate::dns::naming {
namespace {

using conf::ExternalService;
using conf::Service;
using conf::ServiceKind;

constexpr conf::Port service_port = 80;       // of every service in .mesh: Kuma's serviceVipPort
constexpr std::size_t faults_of_one_max = 3;  // a policy may fail for a thousand services alike

void add_port(std::vector<conf::Port>& ports, conf::Port port) {
    const auto at = std::lower_bound(ports.begin(), ports.end(), port);
    if (at == ports.end() || *at != port) ports.insert(at, port);
}

std::vector<conf::Port> ascending(std::vector<conf::Port> ports) {
    std::sort(ports.begin(), ports.end());
    ports.erase(std::unique(ports.begin(), ports.end()), ports.end());
    return ports;
}

class Maker {
public:
    explicit Maker(const conf::Config& config)
        : config_(config), outbounds_(config.virtual_outbounds),
          generators_(config.hostname_generators) {}

    Names make() && {
        for (const Service& service : config_.services) {
            if (service.kind == ServiceKind::service) add_service(service);
        }
        for (const ExternalService& service : config_.external_services) add_external(service);
        for (const ExternalService& service : config_.external_services) add_host(service);
        for (const Service& service : config_.services) {
            if (service.kind == ServiceKind::service) add_outbounds(service);
        }
        for (const ExternalService& service : config_.external_services) {
            add_made(outbounds_.make(tags_of(service.name, {}), faults_));
        }
        add_mesh_services();
        settle_names();
        bound_faults();
        if (!errors_.empty()) throw conf::Error(std::move(errors_));
        return std::move(out_);
    }

private:
    static conf::Tags tags_of(const std::string& service, conf::Tags tags) {
        tags[std::string{conf::service_tag}] = service;
        return tags;
    }

    /// The VIP of that key, made where it is missing.
    NamedVip& vip(const std::string& key, bool& is_new) {
        const auto [found, fresh] = by_key_.emplace(key, out_.vips.size());
        is_new = fresh;
        if (fresh) out_.vips.emplace_back().key = key;
        return out_.vips[found->second];
    }

    void add_service(const Service& service) {
        bool is_new = false;
        NamedVip& to = vip(service.name, is_new);
        to.what = "service '" + service.name + "'";
        to.pin4 = service.address4;
        to.pin6 = service.address6;
        to.relative = service.name;
        to.ports = ascending(service.ports);
        to.source = "service";
        to.is_reachable = reaches(config_.reachable, service.name);
        to.where = service.where;
    }

    /// The VIP is that of the service of that name, if there is one: the tag is one.
    void add_external(const ExternalService& service) {
        bool is_new = false;
        NamedVip& to = vip(service.name, is_new);
        if (is_new) {
            to.what = "external_service '" + service.name + "'";
            to.relative = service.name;
            to.source = "external_service";
            to.is_reachable = reaches(config_.reachable, service.name);
            to.where = service.where;
        }
        add_port(to.ports, service_port);
        add_port(to.ports, service.endpoint.port);
        pin(to, to.pin4, service.address4, service);
        pin(to, to.pin6, service.address6, service);
    }

    void pin(const NamedVip& vip, std::optional<conf::IpAddress>& to,
             const std::optional<conf::IpAddress>& from, const ExternalService& service) {
        if (!from) return;
        if (to && *to != *from) {
            errors_.push_back({service.where, "external_service '" + service.name +
                                                  "' is pinned to " + from->to_string() + ", and " +
                                                  vip.what + " (" + vip.where.to_string() +
                                                  ") to " + to->to_string() + ": they are one"});
        }
        to = from;
    }

    /// The host itself, for those who know nothing of the mesh. An address needs no name.
    void add_host(const ExternalService& service) {
        if (!service.host_entry || conf::IpAddress::parse(service.endpoint.host)) return;
        bool is_new = false;
        NamedVip& to = vip("host/" + service.endpoint.host, is_new);
        const auto [owner, is_first] =
            host_ports_.emplace(std::pair{service.endpoint.host, service.endpoint.port}, &service);
        if (!is_first && owner->second->name != service.name) {
            out_.warnings.push_back(
                {service.where,
                 "external_service '" + service.name + "': " + service.endpoint.host + ":" +
                     std::to_string(service.endpoint.port) + " leads to external_service '" +
                     owner->second->name + "' (" + owner->second->where.to_string() +
                     "); set host_entry = false in one of them"});
            return;
        }
        if (is_new) {
            to.what = "the host of external_service '" + service.name + "'";
            to.names = {service.endpoint.host};
            to.source = "external_service";
            to.is_reachable = false;
            to.where = service.where;
        }
        if (reaches(config_.reachable, service.name)) {
            to.is_reachable = true;
            add_port(to.ports, service.endpoint.port);
        }
    }

    void add_outbounds(const Service& service) {
        for (const conf::Tags& tags : service.tags) {
            add_made(outbounds_.make(tags_of(service.name, tags), faults_));
        }
    }

    /// A name and port leads to one set of tags; the first that asks has it.
    void add_made(const std::vector<MadeOutbound>& made) {
        for (const MadeOutbound& outbound : made) {
            bool is_new = false;
            NamedVip& to = vip("outbound/" + outbound.host, is_new);
            if (is_new) {
                to.what = "virtual_outbound '" + outbound.by->name + "'";
                to.names = {outbound.host};
                to.source = "virtual_outbound";
                to.is_reachable = false;
                to.where = outbound.by->where;
            }
            const auto [first, is_first] =
                made_.emplace(std::pair{outbound.host, outbound.port}, outbound);
            if (!is_first) {
                if (first->second.tags != outbound.tags) say_taken(outbound, first->second);
                continue;
            }
            if (reaches(config_.reachable, outbound.tags.at(std::string{conf::service_tag}))) {
                to.is_reachable = true;
                add_port(to.ports, outbound.port);
            }
        }
    }

    void say_taken(const MadeOutbound& outbound, const MadeOutbound& first) {
        const std::string tag{conf::service_tag};
        faults_.push_back(
            {outbound.by->where, "virtual_outbound '" + outbound.by->name + "': " + outbound.host +
                                     ":" + std::to_string(outbound.port) + " for service '" +
                                     outbound.tags.at(tag) + "' leads to service '" +
                                     first.tags.at(tag) + "' already (virtual_outbound '" +
                                     first.by->name + "', " + first.by->where.to_string() + ")"});
    }

    void add_mesh_services() {
        for (const auto kind : {ServiceKind::mesh_service, ServiceKind::mesh_external_service,
                                ServiceKind::mesh_multi_zone_service}) {
            std::vector<std::pair<const Service*, std::size_t>> services;
            for (const Service& service : config_.services) {
                if (service.kind != kind) continue;
                add_mesh_service(service);
                services.emplace_back(&service, out_.vips.size() - 1);
            }
            generated_.clear();  // two kinds are told apart later, in settle_names()
            for (std::size_t i = 0; i < generators_.size(); ++i) {
                for (const auto& [service, at] : services) generate(i, *service, at);
            }
        }
    }

    void add_mesh_service(const Service& service) {
        bool is_new = false;
        NamedVip& to = vip(conf::key_of(service), is_new);
        to.what = std::string{conf::to_string(service.kind)} + " '" + service.name + "'";
        to.kind = service.kind;
        to.pin4 = service.address4;
        to.pin6 = service.address6;
        to.ports = ascending(service.ports);
        to.source = conf::to_string(service.kind);
        to.is_reachable =
            reaches(config_.reachable, service, labels_of(service, config_.mesh), to.ports);
        to.where = service.where;
    }

    /// A name that two services would have is of the one that an earlier generator made it for,
    /// whether it can be reached or not.
    void generate(std::size_t generator, const Service& service, std::size_t at) {
        const auto made =
            generators_.make(generator, service, labels_of(service, config_.mesh), config_.mesh);
        if (!made) return;
        NamedVip& to = out_.vips[at];
        if (made->name.empty()) {
            faults_.push_back({to.where, to.what + " gets no name of hostname_generator '" +
                                             made->generator + "': " + made->fault});
            return;
        }
        const auto [owner, is_free] = generated_.emplace(made->name, at);
        if (is_free) {
            to.names.push_back(made->name);
        } else if (owner->second != at) {
            say_belongs(to, made->name, out_.vips[owner->second]);
        }
    }

    /// Who has which name, in the order that names.h promises.
    void settle_names() {
        const auto each = [this](auto&& visit) {
            for (NamedVip& one : out_.vips) {
                if (one.is_reachable) visit(one);
            }
        };
        each([this](NamedVip& one) {
            if (one.source == "virtual_outbound") keep_free(one);
        });
        each([this](NamedVip& one) {
            if (one.relative.empty() && one.source == "external_service") keep_free(one);
        });
        each([this](NamedVip& one) { claim_relative(one, one.relative); });
        each([this](NamedVip& one) { claim_relative(one, zone::dotted_twin(one.relative)); });
        each([this](NamedVip& one) {
            if (one.kind != ServiceKind::service) keep_free(one);
        });
    }

    /// Leaves those of its names that nobody has.
    void keep_free(NamedVip& vip) {
        std::erase_if(vip.names, [this, &vip](const std::string& name) {
            return !claim(vip, name) || !is_wire_name(vip, name);
        });
    }

    /// The zone does it again, name by name: here it is for the warning.
    void claim_relative(NamedVip& vip, const std::string& relative) {
        if (relative.empty()) return;
        for (const std::string& domain : config_.mesh.domains) claim(vip, relative + '.' + domain);
    }

    bool claim(const NamedVip& vip, const std::string& name) {
        const auto at = static_cast<std::size_t>(&vip - out_.vips.data());
        const auto [owner, is_free] = owner_.emplace(name, at);
        if (is_free || owner->second == at) return true;
        say_belongs(vip, name, out_.vips[owner->second]);
        return false;
    }

    void say_belongs(const NamedVip& loser, const std::string& name, const NamedVip& owner) {
        out_.warnings.push_back({loser.where, loser.what + " does not get the name '" + name +
                                                  "': it belongs to " + owner.what + " (" +
                                                  owner.where.to_string() + ")"});
    }

    /// Labels of 63 bytes, 255 in all.
    bool is_wire_name(const NamedVip& vip, const std::string& name) {
        if (!wire::to_wire(name).empty()) return true;
        out_.warnings.push_back(
            {vip.where, vip.what + " does not get the name '" + name + "': it is too long"});
        return false;
    }

    /// Some of those of one policy say what all say.
    void bound_faults() {
        std::map<std::pair<std::uint32_t, std::string>, std::size_t> counts;
        for (conf::Diagnostic& fault : faults_) {
            const std::size_t count = ++counts[{fault.where.line, fault.where.file}];
            if (count <= faults_of_one_max) out_.warnings.push_back(std::move(fault));
        }
        for (const auto& [place, count] : counts) {
            if (count <= faults_of_one_max) continue;
            out_.warnings.push_back(
                {{place.second, place.first, 1},
                 "and " + std::to_string(count - faults_of_one_max) + " more of that kind"});
        }
    }

    const conf::Config& config_;
    VirtualOutbounds outbounds_;
    HostnameGenerators generators_;
    Names out_;
    std::vector<conf::Diagnostic> errors_;
    std::vector<conf::Diagnostic> faults_;
    std::unordered_map<std::string, std::size_t> by_key_;
    std::unordered_map<std::string, std::size_t> owner_;      ///< of a name
    std::unordered_map<std::string, std::size_t> generated_;  ///< of a name of this kind's services
    std::map<std::pair<std::string, conf::Port>, const ExternalService*> host_ports_;
    std::map<std::pair<std::string, conf::Port>, MadeOutbound> made_;
};

}  // namespace

Names make_names(const conf::Config& config) {
    return Maker{config}.make();
}

}  // namespace meshgate::dns::naming
