#include "conf/kuma/file.h"

#include "conf/kuma/yaml_tree.h"
#include "conf/words.h"
#include "src/common/nearest.h"
#include "src/common/trimmed.h"

#include <algorithm>
#include <set>

namespace meshgate::conf::kuma {
namespace {

using NodeKind = YamlNode::Kind;
constexpr std::size_t diagnostics_max = 100;

/// The next part of a dotted key after `path`; empty when the key does not begin with it.
std::string_view part_after(std::string_view path, std::string_view key) {
    if (!key.starts_with(path)) return {};
    key.remove_prefix(path.size());
    return key.substr(0, key.find('.'));
}

bool is_list(const Setting& setting) {
    return setting.kind == Setting::Kind::list || setting.kind == Setting::Kind::exclusions;
}

bool has_control_character(std::string_view text) {
    return std::any_of(text.begin(), text.end(),
                       [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

class FileReader {
public:
    explicit FileReader(Wishes& to) : to_(to) {}

    /// `path` is what the keys of this map stand behind: "", "redirect.", "redirect.inbound.".
    void read_map(const YamlNode& map, const std::string& path) {
        std::set<std::string_view> seen;
        for (std::size_t i = 0; i < map.keys.size(); ++i) {
            const YamlNode& key = map.keys[i];
            if (seen.insert(key.text).second) {
                read_key(key, map.children[i], path);
            } else {
                wrong(key, in_quotes(path + key.text) + " is there twice");
            }
        }
    }

    void wrong(const YamlNode& node, std::string message) {
        keep({node.where, std::move(message)});
    }

    void finish() {
        if (!found_.empty()) throw Error(std::move(found_));
    }

private:
    void keep(Diagnostic diagnostic) {
        if (found_.size() < diagnostics_max) found_.push_back(std::move(diagnostic));
    }

    void read_key(const YamlNode& key, const YamlNode& value, const std::string& path) {
        const std::string full = path + key.text;
        const auto all = settings();
        const bool one_word = !key.text.empty() && key.text.find('.') == std::string::npos;
        const auto setting = std::ranges::find(all, full, &Setting::key);
        const auto section = std::ranges::find_if(
            all, [&full](const Setting& one) { return one.key.starts_with(full + "."); });
        if (one_word && setting != all.end()) {
            read_setting(*setting, value);
        } else if (one_word && section != all.end()) {
            read_section(value, full);
        } else {
            unknown(key, path);
        }
    }

    void read_section(const YamlNode& value, const std::string& full) {
        if (value.kind == NodeKind::map) return read_map(value, full + ".");
        if (value.kind != NodeKind::null) wrong(value, in_quotes(full) + " must be a map of keys");
    }

    void unknown(const YamlNode& key, const std::string& path) {
        std::vector<std::string_view> names;
        for (const Setting& setting : settings()) {
            if (const auto part = part_after(path, setting.key); !part.empty()) {
                names.push_back(part);
            }
        }
        std::string message = "unknown key " + in_quotes(path + key.text);
        if (const auto near = nearest(key.text, names); !near.empty()) {
            message.append(", did you mean '").append(near) += "'?";
        }
        wrong(key, std::move(message));
    }

    /// A key without a value is as if it were not there, as Kuma has it.
    void read_setting(const Setting& setting, const YamlNode& node) {
        if (node.kind == NodeKind::null) return;
        const auto before = found_.size();
        const auto values = values_of(setting, node);
        if (found_.size() != before || (values.empty() && !is_list(setting))) return;
        try {
            apply(setting, std::string{setting.key} + " (" + node.where.to_string() + ")", values,
                  to_);
        } catch (const Error& error) {
            for (const auto& diagnostic : error.diagnostics()) {
                keep({diagnostic.where, in_quotes(setting.key) + ": " + diagnostic.message});
            }
        }
    }

    std::vector<Value> values_of(const Setting& setting, const YamlNode& node) {
        if (setting.kind == Setting::Kind::toggle) return toggle_of(setting, node);
        if (node.kind == NodeKind::list && is_list(setting)) return elements_of(setting, node);
        if (!is_text(setting, node) || trimmed(node.text).empty()) return {};
        try {
            return divided_values(setting, {node.text, node.where});
        } catch (const Error& error) {
            keep({node.where, in_quotes(setting.key) + ": " + error.diagnostics().front().message});
            return {};
        }
    }

    std::vector<Value> toggle_of(const Setting& setting, const YamlNode& node) {
        const bool plain = node.kind == NodeKind::scalar && !node.quoted;
        for (const std::string_view word : {"true", "True", "TRUE", "false", "False", "FALSE"}) {
            if (plain && node.text == word) return {{node.text, node.where}};
        }
        wrong(node, in_quotes(setting.key) + " must be true or false");
        return {};
    }

    std::vector<Value> elements_of(const Setting& setting, const YamlNode& list) {
        std::vector<Value> values;
        for (const YamlNode& element : list.children) {
            if (is_text(setting, element)) values.push_back({element.text, element.where});
        }
        return values;
    }

    /// Says so when it is not.
    bool is_text(const Setting& setting, const YamlNode& node) {
        if (node.kind != NodeKind::scalar) {
            wrong(node, in_quotes(setting.key) + (is_list(setting) ? " must be a list of values"
                                                                   : " must be one value"));
            return false;
        }
        if (!has_control_character(node.text)) return true;
        wrong(node,
              in_quotes(setting.key) + ": " + in_quotes(node.text) + " has a control character");
        return false;
    }

    Wishes& to_;
    std::vector<Diagnostic> found_;
};

/// The first line that is neither empty nor a comment: both formats have the same comments.
std::string_view first_line(std::string_view text) {
    while (!text.empty()) {
        const auto end = text.find('\n');
        const auto line = trimmed(text.substr(0, end));
        if (!line.empty() && !line.starts_with('#')) return line;
        if (end == text.npos) break;
        text.remove_prefix(end + 1);
    }
    return {};
}

}  // namespace

bool is_kuma_file(std::string_view name, std::string_view text) {
    for (const std::string_view ending : {".yaml", ".yml", ".json"}) {
        if (name.ends_with(ending)) return true;
    }
    const auto line = first_line(text);
    if (name.ends_with(".toml") || line.empty() || line.starts_with('[')) return false;
    if (line.starts_with('{') || line.starts_with("---") || line.starts_with('%')) return true;
    const auto sign = line.find_first_of(":=");
    return sign != line.npos && line[sign] == ':';
}

void apply_file(std::string_view text, const std::string& name, Wishes& to) {
    const YamlNode root = parse_yaml(text, name);
    FileReader reader{to};
    if (root.kind == NodeKind::map) {
        reader.read_map(root, "");
    } else if (root.kind != NodeKind::null) {
        reader.wrong(root, "must be a map of keys such as 'redirect:'");
    }
    reader.finish();
}

}  // namespace meshgate::conf::kuma
