#pragma once

#include "conf/config.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace meshgate::conf::kuma {

/// A YAML value with the place where it stands. JSON is YAML too.
struct YamlNode {
    enum class Kind : unsigned char { null, scalar, list, map };

    Kind kind = Kind::null;
    bool quoted = false;  ///< a scalar in quotes or as a block: a string even if it looks otherwise
    std::string text;     ///< of a scalar
    Location where;
    std::vector<YamlNode> keys;      ///< of a map: scalars
    std::vector<YamlNode> children;  ///< the elements of a list; the values of a map, in its order
};

struct YamlLimits {
    std::size_t bytes = std::size_t{1} << 20;
    std::size_t values = 100000;
};

/// All documents of a text, in order; those that are empty are left out. @throws as parse_yaml().
std::vector<YamlNode> parse_yaml_documents(std::string_view text, const std::string& name,
                                           const YamlLimits& limits);

/// One document in UTF-8. No anchors, aliases and tags; at most 1 MiB, 16 levels and 100,000
/// values, so that no text takes more than its own size to read.
/// @throws Error with the place in `name`.
YamlNode parse_yaml(std::string_view text, const std::string& name);

}  // namespace meshgate::conf::kuma
