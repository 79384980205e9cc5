#include "conf/kuma/resource_folder.h"

#include "conf/words.h"
#include "src/common/errors.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <functional>
#include <iterator>
#include <system_error>
#include <utility>
#include <vector>

namespace meshgate::conf::kuma {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t files_max = 1000;
constexpr std::uintmax_t bytes_max = std::uintmax_t{64} << 20;

bool is_resource_file(const fs::path& path) {
    static constexpr std::array<std::string_view, 3> endings{".yaml", ".yml", ".json"};
    const std::string name = path.filename().string();
    return !name.starts_with('.') &&
           std::any_of(endings.begin(), endings.end(),
                       [&name](std::string_view ending) { return name.ends_with(ending); });
}

/// In the order of their names.
std::vector<std::string> files_of(const std::string& folder) {
    std::vector<std::string> files;
    std::error_code error;
    for (fs::directory_iterator at{folder, error}, end; !error && at != end; at.increment(error)) {
        if (is_resource_file(at->path())) files.push_back(at->path().string());
    }
    if (error) throw Error({{{folder, 0, 0}, error.message()}});
    std::sort(files.begin(), files.end());
    return files;
}

void append(const Error& error, std::vector<Diagnostic>& to) {
    to.insert(to.end(), error.diagnostics().begin(), error.diagnostics().end());
}

/// A service of the tag has the instances of both; of another kind the configuration's stays.
void add_services(std::vector<Service> from, Loaded& to) {
    auto& all = to.config.services;
    ServiceIndex known;
    for (std::size_t i = 0; i < all.size(); ++i) known.emplace(key_of(all[i]), i);
    for (Service& service : from) {
        const auto found = known.find(key_of(service));
        Service* const twin = found == known.end() ? nullptr : &all[found->second];
        if (twin == nullptr) {
            all.push_back(std::move(service));
        } else if (service.kind == ServiceKind::service) {
            std::move(service.tags.begin(), service.tags.end(), std::back_inserter(twin->tags));
            std::move(service.endpoints.begin(), service.endpoints.end(),
                      std::back_inserter(twin->endpoints));
        } else {
            to.warnings.push_back(
                {service.where, std::string{to_string(service.kind)} + " " +
                                    in_quotes(service.name) +
                                    " is passed over: " + twin->where.to_string() + " has it"});
        }
    }
}

void add_generators(std::vector<HostnameGenerator> from, Loaded& to) {
    auto& all = to.config.hostname_generators;
    for (HostnameGenerator& generator : from) {
        const auto twin = std::find_if(all.begin(), all.end(), [&generator](const auto& one) {
            return one.name == generator.name;
        });
        if (twin == all.end()) {
            all.push_back(std::move(generator));
        } else {
            to.warnings.push_back(
                {generator.where, "HostnameGenerator " + in_quotes(generator.name) +
                                      " is passed over: " + twin->where.to_string() + " has it"});
        }
    }
}

/// The Dataplane that this machine is; null: none.
const Dataplane* own_dataplane(const std::vector<Dataplane>& all, const Config& config) {
    if (config.mesh.dataplane == "") return nullptr;
    if (config.mesh.dataplane) {
        const auto found = std::find_if(all.begin(), all.end(), [&config](const Dataplane& one) {
            return one.name == *config.mesh.dataplane;
        });
        if (found != all.end()) return &*found;
        throw Error({{config.mesh.where, "'mesh.dataplane': there is no Dataplane " +
                                             in_quotes(*config.mesh.dataplane) + " in " +
                                             config.mesh.resources}});
    }
    if (all.size() < 2) return all.empty() ? nullptr : &all.front();
    std::string names;
    for (const Dataplane& one : all) names += (names.empty() ? "" : ", ") + one.name;
    throw Error({{config.mesh.where, "'mesh.dataplane' has to say which Dataplane of " +
                                         config.mesh.resources + " this machine is (" + names +
                                         "), or \"\" for none"}});
}

void apply(const Dataplane& own, Loaded& to) {
    Config& config = to.config;
    const auto is_given = [&to](const char* key) { return to.given.contains(key); };
    if (own.redirect_inbound && !is_given("redirect.inbound.port")) {
        config.redirect.inbound.port = *own.redirect_inbound;
    }
    if (own.redirect_outbound && !is_given("redirect.outbound.port")) {
        config.redirect.outbound.port = *own.redirect_outbound;
    }
    if (own.ip_family && !is_given("redirect.ip_family")) {
        config.redirect.ip_family = *own.ip_family;
    }
    if (!is_given("reachable")) config.reachable = own.reachable;
}

}  // namespace

Resources read_folder(const std::string& folder, const Mesh& mesh) {
    const std::vector<std::string> files = files_of(folder);
    if (files.size() > files_max) throw Error({{{folder, 0, 0}, "has more than 1000 files"}});
    Resources resources;
    std::vector<Diagnostic> errors;
    std::uintmax_t bytes = 0;
    for (const std::string& file : files) {
        try {
            const std::string text = read_text(file);
            bytes += text.size();
            if (bytes > bytes_max) throw Error({{{folder, 0, 0}, "has more than 64 MiB"}});
            read_resources(text, file, mesh, resources);
        } catch (const Error& error) {
            append(error, errors);
        }
    }
    if (!errors.empty()) throw Error(std::move(errors));
    return resources;
}

std::uint64_t signature_of(const std::string& folder) {
    std::string seen;
    try {
        for (const std::string& file : files_of(folder)) {
            struct stat about {};
            if (::stat(file.c_str(), &about) != 0) continue;
            for (const auto number :
                 {static_cast<std::int64_t>(about.st_ino), static_cast<std::int64_t>(about.st_size),
                  static_cast<std::int64_t>(about.st_mtim.tv_sec),
                  static_cast<std::int64_t>(about.st_mtim.tv_nsec)}) {
                seen += ' ' + std::to_string(number);
            }
            seen += file + '\n';
        }
    } catch (const Error&) {
        seen = "none";  // that it is gone is a change too
    }
    return std::hash<std::string>{}(seen);
}

void add_resources(Loaded& loaded) {
    if (loaded.config.mesh.resources.empty()) return;
    loaded.resources_signature = signature_of(loaded.config.mesh.resources);
    Resources resources = read_folder(loaded.config.mesh.resources, loaded.config.mesh);
    if (const Dataplane* own = own_dataplane(resources.dataplanes, loaded.config)) {
        apply(*own, loaded);
    }
    add_services(std::move(resources.services), loaded);
    auto& externals = loaded.config.external_services;
    std::move(resources.external_services.begin(), resources.external_services.end(),
              std::back_inserter(externals));
    auto& outbounds = loaded.config.virtual_outbounds;
    std::move(resources.virtual_outbounds.begin(), resources.virtual_outbounds.end(),
              std::back_inserter(outbounds));
    add_generators(std::move(resources.hostname_generators), loaded);
    std::move(resources.warnings.begin(), resources.warnings.end(),
              std::back_inserter(loaded.warnings));
    if (auto found = contradictions(loaded.config); !found.empty()) throw Error(std::move(found));
}

Loaded load_with_resources(const std::optional<std::string>& explicit_file) {
    Loaded loaded = load_or_default(explicit_file);
    add_resources(loaded);
    return loaded;
}

}  // namespace meshgate::conf::kuma
