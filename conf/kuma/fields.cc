#include "conf/kuma/fields.h"

#include <charconv>
#include <utility>

namespace meshgate::conf::kuma {
namespace {

using Kind = YamlNode::Kind;

}  // namespace

/// A field without a value is as if it were not there.
const YamlNode* Fields::find(std::string_view key) const {
    const YamlNode& map = map_;
    for (std::size_t i = 0; i < map.keys.size(); ++i) {
        if (map.keys[i].text == key) {
            return map.children[i].kind == Kind::null ? nullptr : &map.children[i];
        }
    }
    return nullptr;
}

void Fields::fault(std::string_view key, const std::string& message) {
    const YamlNode* node = key.empty() ? nullptr : find(key);
    std::string path = path_ + std::string{key};
    if (path.ends_with('.')) path.pop_back();
    faults_.get().add(node != nullptr ? node->where : where(),
                      of_ + ": " + path + (path.empty() ? "" : ": ") + message);
}

void Fields::add(const std::vector<std::string>& messages) {
    for (const std::string& message : messages) {
        faults_.get().add(where(), of_ + ": " + message);
    }
}

std::optional<Fields> Fields::map(std::string_view key) {
    const YamlNode* node = find(key);
    if (node == nullptr) return std::nullopt;
    if (node->kind != Kind::map) {
        fault(key, "must be a map of fields");
        return std::nullopt;
    }
    return Fields{*node, of_, path_ + std::string{key} + ".", faults_};
}

void Fields::each(std::string_view key, const std::function<void(Fields&)>& one) {
    const YamlNode* node = find(key);
    if (node == nullptr) return;
    if (node->kind != Kind::list) return fault(key, "must be a list");
    for (std::size_t i = 0; i < node->children.size(); ++i) {
        const std::string path = path_ + std::string{key} + "[" + std::to_string(i) + "]";
        Fields fields{node->children[i], of_, path + ".", faults_};
        if (node->children[i].kind == Kind::map) {
            one(fields);
        } else {
            fields.fault("", "must be a map of fields");
        }
    }
}

const YamlNode* Fields::scalar(std::string_view key, const char* wanted) {
    const YamlNode* node = find(key);
    if (node == nullptr || node->kind == Kind::scalar) return node;
    fault(key, std::string{"must be "} + wanted);
    return nullptr;
}

std::string Fields::text(std::string_view key) {
    const YamlNode* node = scalar(key, "a string");
    return node == nullptr ? std::string{} : node->text;
}

std::vector<std::string> Fields::texts(std::string_view key) {
    std::vector<std::string> out;
    const YamlNode* node = find(key);
    if (node == nullptr) return out;
    if (node->kind != Kind::list) {
        fault(key, "must be a list of strings");
        return out;
    }
    for (const YamlNode& element : node->children) {
        if (element.kind == Kind::scalar) {
            out.push_back(element.text);
        } else {
            fault(key, "must be a list of strings");
        }
    }
    return out;
}

bool Fields::flag(std::string_view key) {
    const YamlNode* node = scalar(key, "true or false");
    if (node == nullptr) return false;
    if (node->text != "true" && node->text != "false") fault(key, "must be true or false");
    return node->text == "true";
}

std::optional<Port> Fields::port(std::string_view key, bool zero_is_absent) {
    const YamlNode* node = scalar(key, "a port");
    if (node == nullptr) return std::nullopt;
    std::uint32_t value = 0;
    const char* const end = node->text.data() + node->text.size();
    const auto [stop, error] = std::from_chars(node->text.data(), end, value);
    const bool is_number = error == std::errc{} && stop == end;
    if (is_number && value == 0 && zero_is_absent) return std::nullopt;
    if (is_number && value >= 1 && value <= 65535) return static_cast<Port>(value);
    fault(key, "port must be in the range [1, 65535]");
    return std::nullopt;
}

Tags Fields::tags(std::string_view key) {
    Tags out;
    const YamlNode* node = find(key);
    if (node == nullptr) return out;
    if (node->kind != Kind::map) {
        fault(key, "must be a map of strings");
        return out;
    }
    for (std::size_t i = 0; i < node->keys.size(); ++i) {
        const YamlNode& value = node->children[i];
        if (value.kind == Kind::list || value.kind == Kind::map) {
            fault(key, "must be a map of strings");
        } else if (!out.emplace(node->keys[i].text, value.text).second) {
            fault(key, "has '" + node->keys[i].text + "' twice");
        }
    }
    return out;
}

}  // namespace meshgate::conf::kuma
