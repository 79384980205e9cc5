#pragma once

#include "conf/kuma/resources.h"
#include "conf/load.h"

#include <cstdint>
#include <optional>
#include <string>

namespace meshgate::conf::kuma {

/// All of a folder's files *.yaml, *.yml and *.json, in the order of their names, but hidden ones;
/// 1,000 at most, 64 MiB in all.
/// @throws Error with what is wrong in all of them
Resources read_folder(const std::string& folder, const Mesh& mesh);

/// Changes when something in the folder has: a number made of names, sizes and times.
std::uint64_t signature_of(const std::string& folder);

/// Adds the resources of the folder that the configuration names, if it names one. What the
/// configuration says itself stays: its services, generators of the same name, [reachable], ports
/// and families. The machine's own Dataplane gives these else: the one that mesh.dataplane names,
/// or the only one.
/// @throws Error
void add_resources(Loaded& loaded);

/// load_or_default() with the resources.
Loaded load_with_resources(const std::optional<std::string>& explicit_file);

}  // namespace meshgate::conf::kuma
