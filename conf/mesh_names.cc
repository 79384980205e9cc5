#include "conf/mesh_names.h"

#include "conf/words.h"

#include <algorithm>
#include <array>

namespace meshgate::conf {
namespace {

using Faults = std::vector<std::string>;

constexpr std::array<std::string_view, 4> kind_words{"service", "MeshService",
                                                     "MeshExternalService", "MeshMultiZoneService"};

bool is_letter(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}

/// Letters, digits and `others`.
bool is_made_of(std::string_view text, std::string_view others) noexcept {
    return std::all_of(text.begin(), text.end(), [others](char c) {
        return is_letter(c) || is_digit(c) || others.find(c) != others.npos;
    });
}

bool is_tag_name(std::string_view text) noexcept {
    return is_made_of(text, ".-_:/");
}

std::string key(const std::string& field, const std::string& tag) {
    return field + "[\"" + tag + "\"]: ";
}

void check_tags(const Tags& tags, const std::string& field, bool of_selector, Faults& faults) {
    for (const auto& [name, value] : tags) {
        if (name.empty()) faults.push_back(field + ": tag name must be non-empty");
        if (!is_tag_name(name)) {
            faults.push_back(key(field, name) + "tag name must consist of alphanumeric characters, "
                                                "dots, dashes, slashes and underscores");
        }
        if (value.empty()) faults.push_back(key(field, name) + "tag value must be non-empty");
        if (of_selector && value != "*" && !is_tag_name(value)) {
            faults.push_back(key(field, name) +
                             "tag value must consist of alphanumeric characters, dots, dashes, "
                             "slashes and underscores or be \"*\"");
        } else if (!of_selector && !is_made_of(value, ".-_:")) {
            faults.push_back(key(field, name) + "tag value must consist of alphanumeric "
                                                "characters, dots, dashes and underscores");
        }
    }
}

void check_parameters(const Tags& parameters, Faults& faults) {
    bool has_service = false;
    for (const auto& [name, tag] : parameters) {
        has_service = has_service || tag == service_tag;
        if (name.empty() || !is_made_of(name, "")) {
            faults.push_back("conf.parameters: name " + in_quotes(name) +
                             " must consist of alphanumeric characters to be used as a gotemplate "
                             "key");
        }
        if (!is_tag_name(tag)) {
            faults.push_back("conf.parameters: tagKey " + in_quotes(tag) +
                             " must be a valid tag name");
        }
    }
    if (!has_service) {
        faults.push_back(
            "conf.parameters: must contain a parameter with kuma.io/service as a tagKey");
    }
}

}  // namespace

std::string_view to_string(ServiceKind kind) noexcept {
    return kind_words[static_cast<std::size_t>(kind)];
}

std::optional<ServiceKind> parse_service_kind(std::string_view word) noexcept {
    const auto found = std::find(kind_words.begin(), kind_words.end(), word);
    if (found == kind_words.end()) return std::nullopt;
    return static_cast<ServiceKind>(found - kind_words.begin());
}

std::string key_of(const Service& service) {
    if (service.kind == ServiceKind::service) return service.name;
    std::string key = std::string{to_string(service.kind)} + '/' + service.name;
    if (!service.kube_namespace.empty()) key += '.' + service.kube_namespace;
    if (!service.zone.empty()) key += '@' + service.zone;
    return key;
}

Faults faults_of_tags(const Tags& tags, const std::string& field) {
    Faults faults;
    check_tags(tags, field, false, faults);
    return faults;
}

Faults faults_of(const ExternalService& service) {
    Faults faults;
    if (service.name == service.endpoint.host) {
        faults.push_back(
            "tags[\"kuma.io/service\"]: cannot be the same as the host of networking.address");
    }
    return faults;
}

Faults faults_of(const VirtualOutbound& outbound) {
    Faults faults;
    if (outbound.selectors.empty()) faults.push_back("selectors: must have at least one element");
    for (std::size_t i = 0; i < outbound.selectors.size(); ++i) {
        const std::string field = "selectors[" + std::to_string(i) + "].match";
        if (outbound.selectors[i].empty()) faults.push_back(field + ": must have at least one tag");
        check_tags(outbound.selectors[i], field, true, faults);
    }
    check_parameters(outbound.parameters, faults);
    if (outbound.host.empty()) faults.push_back("conf.host: has to be defined");
    if (outbound.port.empty()) faults.push_back("conf.port: has to be defined");
    return faults;
}

Faults faults_of(const HostnameGenerator& generator) {
    Faults faults;
    if (generator.text.empty()) faults.push_back("spec.template: must not be empty");
    return faults;
}

Faults faults_of(const BackendRef& ref) {
    Faults faults;
    if (!ref.name.empty() && !is_made_of(ref.name, ".-_")) {
        faults.push_back("name: invalid characters: must consist of lower case alphanumeric "
                         "characters, '-', '.' and '_'");
    }
    if (ref.name.empty() && ref.kube_namespace.empty() && ref.labels.empty()) {
        faults.push_back("name: name or labels are required");
    }
    if (ref.name.empty() && !ref.kube_namespace.empty()) {
        faults.push_back("name: name is required, when namespace is defined");
    }
    if ((!ref.name.empty() || !ref.kube_namespace.empty()) && !ref.labels.empty()) {
        faults.push_back("labels: labels cannot be defined when name is specified");
    }
    return faults;
}

bool is_rfc1035_label(std::string_view text) noexcept {
    const auto is_small = [](char c) { return (c >= 'a' && c <= 'z') || is_digit(c) || c == '-'; };
    return !text.empty() && text.size() <= 63 && text[0] >= 'a' && text[0] <= 'z' &&
           text.back() != '-' && std::all_of(text.begin(), text.end(), is_small);
}

bool is_rfc1123_subdomain(std::string_view text) noexcept {
    if (text.empty() || text.size() > 253) return false;
    char before = '.';
    for (const char c : text) {
        const bool is_inner = c == '-' || c == '.';
        if (!is_inner && !is_digit(c) && (c < 'a' || c > 'z')) return false;
        if (before == '.' && is_inner) return false;
        if (before == '-' && c == '.') return false;
        before = c;
    }
    return before != '.' && before != '-';
}

bool is_loose_dns_name(std::string_view text) noexcept {
    if (text.ends_with('.') || text.ends_with('_')) text.remove_suffix(1);
    if (text.empty() || text.size() > 255) return false;
    std::size_t label = 0;
    for (const char c : text) {
        if (c == '.') {
            if (label == 0) return false;
            label = 0;
        } else if (!is_made_of({&c, 1}, label == 0 ? "_" : "_-") || ++label > 63) {
            return false;
        }
    }
    return label > 0 && !IpAddress::parse(text);
}

}  // namespace meshgate::conf
