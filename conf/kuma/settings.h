#pragma once

#include "conf/kuma/values.h"
#include "conf/load.h"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace meshgate::conf::kuma {

/// What is asked for in Kuma's words: a configuration, and what is not a part of one.
struct Wishes {
    Config config;
    std::optional<bool> verbose;
    std::optional<bool> dry_run;
    bool store_firewalld = false;
    std::vector<std::string> ignored;  ///< what was given and means nothing here, as it was written
    /// Where the last value of a key of ours ("redirect.inbound.port") was given in Kuma's words.
    std::map<std::string, Location, std::less<>> places;
};

/// One thing that Kuma's transparent proxy can be told, under its three names. An empty name: not
/// that way.
struct Setting {
    enum class Kind : std::uint8_t {
        toggle,
        one,
        list,       ///< a list; in the environment divided at commas
        exclusions  ///< a list whose values have commas themselves
    };
    /// Replaces what `to` says so far by `values`, which has one for a toggle and one, and any
    /// number for a list. @throws Error at the place of the value that is wrong.
    using Apply = void (*)(Wishes& to, std::span<const Value> values);

    std::string_view key;          ///< in a file: "redirect.inbound.port"
    std::string_view environment;  ///< after KUMA_TRANSPARENT_PROXY_
    std::string_view flag;         ///< after the dashes
    Kind kind = Kind::one;
    Apply apply = nullptr;  ///< none: it means nothing here
};

std::span<const Setting> settings();

/// The values of a setting that are all in one text, as in the environment.
std::vector<Value> divided_values(const Setting& setting, const Value& text);

/// The keys that contradict each other, each with the place where it was given, if that is known.
std::vector<Diagnostic> contradictions(const Wishes& wishes);

/// Applies one setting, or keeps `name` (as which it was given) among those that mean nothing.
void apply(const Setting& setting, std::string_view name, std::span<const Value> values,
           Wishes& to);

}  // namespace meshgate::conf::kuma
