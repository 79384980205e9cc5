#pragma once

#include "netfilter/nftnl/handles.h"
#include "netfilter/ruleset/ruleset.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

/// The maps of virtual addresses in the kernel's form: hash maps whose keys and values lie in
/// 32-bit words, a port in the first half of its word, in network order but for the slot, which is
/// a number that numgen makes.
namespace meshgate::netfilter {

/// The map without its elements; `id` is its number within the transaction. The types that nft
/// lists and loads again are in its userdata.
NftSet build_map(std::string_view table, const ClassMap& map, std::uint32_t id);
NftSet build_map(std::string_view table, const EndpointMap& map, std::uint32_t id);

/// A set of that name with these elements, for NEWSETELEM, DELSETELEM and GETSETELEM.
NftSet build_elements(std::string_view table, std::string_view map,
                      std::span<const VipClass> elements);
NftSet build_elements(std::string_view table, std::string_view map,
                      std::span<const VipSlot> elements);

/// The same with keys only: whatever their values are.
NftSet build_keys(std::string_view table, std::string_view map, std::span<const VipClass> keys);
NftSet build_keys(std::string_view table, std::string_view map, std::span<const VipSlot> keys);

/// The inverse, without elements. None for what build_map() would not have made.
std::optional<ClassMap> to_class_map(nftnl_set& set);
std::optional<EndpointMap> to_endpoint_map(nftnl_set& set);

/// None for a verdict that is no goto.
std::optional<VipClass> to_class(nftnl_set_elem& element, Family family);
std::optional<VipSlot> to_slot(nftnl_set_elem& element, Family family);

}  // namespace meshgate::netfilter
