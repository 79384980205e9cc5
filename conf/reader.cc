#include "conf/reader.h"

#include "src/common/nearest.h"

#include <algorithm>
#include <array>
#include <limits>
#include <tuple>

namespace meshgate::conf {
namespace {

bool in_file_order(const Diagnostic& a, const Diagnostic& b) {
    return std::tie(a.where.line, a.where.column) < std::tie(b.where.line, b.where.column);
}

std::string listed(std::span<const std::string_view> words) {
    std::string text;
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (i > 0) text += i + 1 == words.size() ? " or " : ", ";
        text += '"' + std::string{words[i]} + '"';
    }
    return text;
}

}  // namespace

void Findings::error(const toml::source_region& at, std::string message) {
    error(place(at), std::move(message));
}

void Findings::error(Location at, std::string message) {
    errors_.push_back({std::move(at), std::move(message)});
}

void Findings::warning(Location at, std::string message) {
    warnings_.push_back({std::move(at), std::move(message)});
}

void Findings::remember(std::string name, const toml::source_region& at) {
    places_.try_emplace(std::move(name), place(at));
}

Location Findings::place_of(const std::string& name) const {
    const auto found = places_.find(name);
    return found == places_.end() ? Location{file_} : found->second;
}

std::set<std::string, std::less<>> Findings::names() const {
    std::set<std::string, std::less<>> all;
    for (const auto& [name, place] : places_) all.insert(name);
    return all;
}

Location Findings::place(const toml::source_region& at) const {
    return {file_, at.begin.line, at.begin.column};
}

std::vector<Diagnostic> Findings::take_errors() {
    std::stable_sort(errors_.begin(), errors_.end(), in_file_order);
    return std::move(errors_);
}

std::vector<Diagnostic> Findings::take_warnings() {
    std::stable_sort(warnings_.begin(), warnings_.end(), in_file_order);
    return std::move(warnings_);
}

std::string_view words_for(toml::node_type type) noexcept {
    switch (type) {
    case toml::node_type::table:
        return "a table";
    case toml::node_type::array:
        return "an array";
    case toml::node_type::string:
        return "a string";
    case toml::node_type::integer:
        return "a whole number";
    case toml::node_type::floating_point:
        return "a number with a fraction";
    case toml::node_type::boolean:
        return "true or false";
    case toml::node_type::none:
        return "nothing";
    default:
        return "a date or time";
    }
}

std::nullopt_t wrong_type(Findings& findings, const toml::node& node, std::string_view name,
                          std::string_view wanted) {
    findings.error(node.source(), in_quotes(name) + " must be " + std::string{wanted} + ", not " +
                                      std::string{words_for(node.type())});
    return std::nullopt;
}

std::optional<std::string> as_string(Findings& findings, const toml::node& node,
                                     std::string_view name) {
    // value_exact: value<>() would take a boolean for a number and 2.0 for 2.
    if (auto text = node.value_exact<std::string>()) return text;
    return wrong_type(findings, node, name, words_for(toml::node_type::string));
}

std::optional<std::int64_t> as_integer(Findings& findings, const toml::node& node,
                                       std::string_view name, std::int64_t min, std::int64_t max) {
    const auto number = node.value_exact<std::int64_t>();
    if (!number) return wrong_type(findings, node, name, words_for(toml::node_type::integer));
    if (*number >= min && *number <= max) return number;
    findings.error(node.source(), in_quotes(name) + " must be " + std::to_string(min) + " to " +
                                      std::to_string(max) + ", not " + std::to_string(*number));
    return std::nullopt;
}

TableReader::TableReader(const toml::table& table, std::string_view path,
                         std::span<const std::string_view> keys, Findings& findings)
    : table_(table), path_(path), findings_(findings) {
    for (auto&& [key, value] : table) {
        if (std::find(keys.begin(), keys.end(), key.str()) != keys.end()) {
            findings.remember(name(key.str()), key.source());
            continue;
        }
        std::string message = "unknown key " + in_quotes(key.str());
        if (const auto near = nearest(key.str(), keys); !near.empty()) {
            message += ", did you mean " + in_quotes(near) + "?";
        }
        findings.error(key.source(), std::move(message));
    }
}

Location TableReader::place(std::string_view key) const {
    const auto* node = find(key);
    return findings_.place(node != nullptr ? node->source() : table_.source());
}

std::string TableReader::name(std::string_view key) const {
    return path_.empty() ? std::string{key} : path_ + "." + std::string{key};
}

void TableReader::read(std::string_view key, bool& to) {
    const auto* node = find(key);
    if (node == nullptr) return;
    if (const auto value = node->value_exact<bool>()) {
        to = *value;
    } else {
        wrong_type(findings_, *node, name(key), words_for(toml::node_type::boolean));
    }
}

void TableReader::read(std::string_view key, std::string& to) {
    const auto* node = find(key);
    if (node == nullptr) return;
    if (auto value = as_string(findings_, *node, name(key))) to = std::move(*value);
}

void TableReader::read(std::string_view key, std::uint16_t& to) {
    const auto* node = find(key);
    if (node == nullptr) return;
    if (const auto value = as_integer(findings_, *node, name(key), 1, 65535)) {
        to = static_cast<std::uint16_t>(*value);
    }
}

void TableReader::read_or_none(std::string_view key, std::uint16_t& to) {
    const auto* node = find(key);
    if (node == nullptr) return;
    if (const auto value = as_integer(findings_, *node, name(key), 0, 65535)) {
        to = static_cast<std::uint16_t>(*value);
    }
}

void TableReader::read_seconds(std::string_view key, std::uint32_t& to) {
    const auto* node = find(key);
    if (node == nullptr) return;
    const auto text = node->value_exact<std::string>();
    if (!text) {
        wrong_type(findings_, *node, name(key), "a duration such as \"30s\"");
        return;
    }
    if (const auto seconds = parse_seconds(*text)) {
        to = *seconds;
    } else {
        findings_.error(node->source(), in_quotes(name(key)) +
                                            " must be a duration such as \"30s\", "
                                            "\"5m\", \"1h\" or \"1d\", not " +
                                            in_quotes(*text));
    }
}

void TableReader::read_bytes(std::string_view key, std::uint64_t& to) {
    constexpr auto max = std::numeric_limits<std::int64_t>::max();
    static constexpr std::array<Unit, 7> units{{{"B", 1},
                                                {"kB", 1000},
                                                {"MB", 1000000},
                                                {"GB", 1000000000},
                                                {"KiB", 1024},
                                                {"MiB", 1048576},
                                                {"GiB", 1073741824}}};
    const auto* node = find(key);
    if (node == nullptr) return;
    const auto text = node->value_exact<std::string>();
    if (!text) {
        wrong_type(findings_, *node, name(key), "a size such as \"64MiB\"");
        return;
    }
    if (const auto value = parse_with_unit(*text, units, max)) {
        to = static_cast<std::uint64_t>(*value);
    } else {
        findings_.error(node->source(), in_quotes(name(key)) +
                                            " must be a size such as \"64MiB\" or "
                                            "\"512KiB\", not " +
                                            in_quotes(*text));
    }
}

void TableReader::read_each(std::string_view key,
                            const std::function<void(const toml::node&)>& one) {
    const auto* node = find(key);
    if (node == nullptr) return;
    if (const auto* array = node->as_array()) {
        for (const auto& element : *array) one(element);
    } else {
        one(*node);
    }
}

std::optional<std::size_t> TableReader::read_word(std::string_view key,
                                                  std::span<const std::string_view> words) {
    const auto* node = find(key);
    if (node == nullptr) return std::nullopt;
    const auto text = as_string(findings_, *node, name(key));
    if (!text) return std::nullopt;
    const auto found = std::find(words.begin(), words.end(), *text);
    if (found != words.end()) return static_cast<std::size_t>(found - words.begin());
    findings_.error(node->source(), in_quotes(name(key)) + " must be " + listed(words) + ", not " +
                                        in_quotes(*text));
    return std::nullopt;
}

const toml::table* TableReader::table(std::string_view key) {
    const auto* node = find(key);
    if (node == nullptr) return nullptr;
    if (const auto* found = node->as_table()) return found;
    wrong_type(findings_, *node, name(key), "a table");
    return nullptr;
}

void TableReader::read_tables(std::string_view key,
                              const std::function<void(const toml::table&)>& one) {
    const auto* node = find(key);
    if (node == nullptr) return;
    const auto* array = node->as_array();
    if (array == nullptr) {
        wrong_type(findings_, *node, name(key), "an array of tables, [[" + name(key) + "]]");
        return;
    }
    for (const auto& element : *array) {
        if (const auto* found = element.as_table()) {
            one(*found);
        } else {
            wrong_type(findings_, element, name(key), "a table");
        }
    }
}

}  // namespace meshgate::conf
