#pragma once

#include "conf/kuma/yaml_tree.h"
#include "conf/load.h"
#include "conf/mesh_names.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace meshgate::conf::kuma {

/// What is wrong with the resources of a file so far; bounded, and in the order in which it was
/// found.
class Faults {
public:
    void add(const Location& where, std::string message) {
        if (found_.size() < found_max) found_.push_back({where, std::move(message)});
    }
    [[nodiscard]] std::vector<Diagnostic> take() { return std::move(found_); }

private:
    static constexpr std::size_t found_max = 100;
    std::vector<Diagnostic> found_;
};

/// One map of a resource, asked for the fields that matter: others are passed over, as Kuma has
/// many. A fault is told with the resource, its path and its place.
class Fields {
public:
    /// @param of    what the resource is called in messages: "document 2 (Dataplane 'web')".
    /// @param path  of the map within it: "", "networking."
    Fields(const YamlNode& map, std::string of, std::string path, Faults& faults)
        : map_(map), of_(std::move(of)), path_(std::move(path)), faults_(faults) {}

    [[nodiscard]] const YamlNode* find(std::string_view key) const;
    [[nodiscard]] bool has(std::string_view key) const { return find(key) != nullptr; }

    /// The map at `key`; nullopt when it is absent, or not one, which is a fault.
    std::optional<Fields> map(std::string_view key);
    /// Calls `one` with each map of the list at `key`.
    void each(std::string_view key, const std::function<void(Fields&)>& one);
    /// "" when absent.
    std::string text(std::string_view key);
    std::vector<std::string> texts(std::string_view key);
    bool flag(std::string_view key);
    /// A number of 1..65535, or a fault; nullopt when absent, and for 0 when `zero_is_absent`.
    std::optional<Port> port(std::string_view key, bool zero_is_absent = false);
    Tags tags(std::string_view key);

    /// What is wrong at `key`, or with the map itself: "networking.address: address can't be
    /// empty".
    void fault(std::string_view key, const std::string& message);
    /// Faults of conf/mesh_names.h: they name their fields.
    void add(const std::vector<std::string>& messages);

    [[nodiscard]] const Location& where() const noexcept { return map_.get().where; }

private:
    const YamlNode* scalar(std::string_view key, const char* wanted);

    std::reference_wrapper<const YamlNode> map_;
    std::string of_;
    std::string path_;
    std::reference_wrapper<Faults> faults_;
};

}  // namespace meshgate::conf::kuma
