#pragma once

#include "conf/config.h"
#include "conf/reader.h"

/// The tables of meshgate.toml, each into its struct.
namespace meshgate::conf {

void read_mesh(const toml::table& table, Mesh& to, Findings& findings);
void read_proxy(const toml::table& table, Proxy& to, Findings& findings);
void read_redirect(const toml::table& table, Redirect& to, Findings& findings);
void read_dns(const toml::table& table, Dns& to, Findings& findings);
void read_vip(const toml::table& table, Vip& to, Findings& findings);
void read_hosts(const toml::table& table, std::vector<HostsFile>& to, Findings& findings);
void read_guard(const toml::table& table, Guard& to, Findings& findings);
void read_feed(const toml::table& table, Feeds& to, Findings& findings);
/// `[service.health]`
void read_health(const toml::table& table, MaybeHealthCheck& to, Findings& findings);
/// @param known  of those in `to`
void read_service(const toml::table& table, const Vip& vip, std::vector<Service>& to,
                  ServiceIndex& known, Findings& findings);
void read_external_service(const toml::table& table, std::vector<ExternalService>& to,
                           Findings& findings);
void read_virtual_outbound(const toml::table& table, std::vector<VirtualOutbound>& to,
                           Findings& findings);
void read_hostname_generator(const toml::table& table, std::vector<HostnameGenerator>& to,
                             Findings& findings);
void read_reachable(const toml::table& table, Reachable& to, Findings& findings);
void read_record(const toml::table& table, std::vector<Record>& to, Findings& findings);

/// The whole file. inbound and outbound default to the proxy's `enabled`.
void read_config(const toml::table& table, Config& to, Findings& findings);

}  // namespace meshgate::conf
