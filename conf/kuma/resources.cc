#include "conf/kuma/resources.h"

#include "conf/kuma/resource.h"
#include "conf/kuma/yaml_tree.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <set>
#include <utility>

namespace meshgate::conf::kuma {
namespace {

using Kind = YamlNode::Kind;

constexpr YamlLimits limits{.bytes = std::size_t{16} << 20, .values = 2000000};

constexpr std::array<std::string_view, 7> types{
    "Dataplane",           "ExternalService",      "VirtualOutbound",  "MeshService",
    "MeshExternalService", "MeshMultiZoneService", "HostnameGenerator"};

bool is_list(const YamlNode& document, std::string_view type) {
    if (type == "List" || type.ends_with("List")) return true;
    const auto& keys = document.keys;
    return type.empty() && std::any_of(keys.begin(), keys.end(),
                                       [](const YamlNode& key) { return key.text == "items"; });
}

class Reader {
public:
    Reader(const std::string& name, const Mesh& mesh, Resources& to)
        : name_(name), mesh_(mesh), to_(to) {}

    void read(const std::vector<YamlNode>& documents) {
        for (std::size_t i = 0; i < documents.size(); ++i) {
            read_document(documents[i], "document " + std::to_string(i + 1));
        }
        if (auto errors = faults_.take(); !errors.empty()) throw Error(std::move(errors));
        if (!passed_over_.empty()) say_passed_over();
    }

private:
    void read_document(const YamlNode& node, const std::string& of) {
        if (node.kind != Kind::map) {
            return faults_.add(node.where, of + ": must be a resource of Kuma, a map of fields");
        }
        Fields fields{node, of, "", faults_};
        const std::string type = type_of(fields);
        if (is_list(node, type)) {
            const YamlNode* items = fields.find("items");
            if (items == nullptr || items->kind != Kind::list) return;
            for (std::size_t i = 0; i < items->children.size(); ++i) {
                read_document(items->children[i], of + ", items[" + std::to_string(i) + "]");
            }
        } else if (type.empty()) {
            fields.fault("", "has neither 'type' nor 'kind': which resource of Kuma is it?");
        } else if (std::find(types.begin(), types.end(), type) == types.end()) {
            passed_over_.insert(type);
        } else {
            read_resource(node, type, of);
        }
    }

    static std::string type_of(Fields& fields) {
        const std::string type = fields.text("type");
        return type.empty() ? fields.text("kind") : type;
    }

    void read_resource(const YamlNode& node, const std::string& type, const std::string& of) {
        Fields unnamed{node, of + " (" + type + ")", "", faults_};
        const Meta meta = meta_of(unnamed);
        const std::string named = of + " (" + type + " '" + meta.name + "')";
        Fields whole{node, named, "", faults_};
        if (meta.name.empty()) return unnamed.fault("name", "has to be defined");
        if (type != "HostnameGenerator" && mesh_name(whole, meta) != mesh_.name) return;
        if (auto spec = whole.map("spec")) return dispatch(type, meta, *spec, whole.map("status"));
        dispatch(type, meta, whole, std::nullopt);
    }

    static Meta meta_of(Fields& fields) {
        Meta meta;
        meta.where = fields.where();
        auto metadata = fields.map("metadata");
        meta.is_kubernetes = metadata.has_value();
        Fields& from = metadata ? *metadata : fields;
        meta.name = from.text("name");
        meta.labels = from.tags("labels");
        meta.created = from.text(meta.is_kubernetes ? "creationTimestamp" : "creationTime");
        if (meta.is_kubernetes) meta.kube_namespace = from.text("namespace");
        return meta;
    }

    static std::string mesh_name(Fields& whole, const Meta& meta) {
        std::string mesh = whole.text("mesh");
        if (!mesh.empty()) return mesh;
        const auto label = meta.labels.find("kuma.io/mesh");
        return label == meta.labels.end() ? "default" : label->second;
    }

    void dispatch(const std::string& type, const Meta& meta, Fields& body,
                  std::optional<Fields> status) {
        if (type == "Dataplane") return read_dataplane(meta, body, to_);
        if (type == "ExternalService") return read_external_service(meta, body, to_);
        if (type == "VirtualOutbound") return read_virtual_outbound(meta, body, to_);
        if (type == "HostnameGenerator") return read_hostname_generator(meta, body, to_);
        read_mesh_service(parse_service_kind(type).value(), meta, body, std::move(status), to_);
    }

    void say_passed_over() {
        std::string text;
        for (const std::string& type : passed_over_) text += (text.empty() ? "" : ", ") + type;
        to_.warnings.push_back(
            {{name_, 1, 1}, "resources that name nothing are passed over: " + text});
    }

    const std::string& name_;
    const Mesh& mesh_;
    Resources& to_;
    Faults faults_;
    std::set<std::string> passed_over_;
};

}  // namespace

std::optional<Endpoint> read_address(Fields& fields, std::string_view key) {
    const std::string text = fields.text(key);
    if (text.empty()) {
        fields.fault(key, "address can't be empty");
        return std::nullopt;
    }
    const auto colon = text.rfind(':');
    std::string host = text.substr(0, colon);
    const bool in_brackets = host.starts_with('[') && host.ends_with(']');
    if (in_brackets) host = host.substr(1, host.size() - 2);
    if (colon == std::string::npos || (!in_brackets && host.find(':') != std::string::npos)) {
        fields.fault(key, "unable to parse address");
        return std::nullopt;
    }
    if (!IpAddress::parse(host) && !is_loose_dns_name(host)) {
        fields.fault(key, "address has to be a valid IP address or a domain name");
        return std::nullopt;
    }
    const std::string digits = text.substr(colon + 1);
    std::uint32_t port = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (error != std::errc{} || end != digits.data() + digits.size()) {
        fields.fault(key, "unable to parse port in address");
    } else if (port < 1 || port > 65535) {
        fields.fault(key, "port must be in the range [1, 65535]");
    } else {
        std::transform(host.begin(), host.end(), host.begin(), [](char c) {
            return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
        });
        return Endpoint{host, static_cast<Port>(port)};
    }
    return std::nullopt;
}

void check_tags(Fields& fields, std::string_view key, const Tags& tags, bool needs_service) {
    for (const std::string& fault : faults_of_tags(tags, "")) {
        fields.fault(key, fault.starts_with(": ") ? fault.substr(2) : fault);
    }
    static constexpr std::array<std::string_view, 7> protocols{"http", "http2", "tcp",  "tls",
                                                               "grpc", "kafka", "mysql"};
    const auto protocol = tags.find("kuma.io/protocol");
    if (protocol != tags.end()) {
        std::string word = protocol->second;
        std::transform(word.begin(), word.end(), word.begin(), [](char c) {
            return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
        });
        if (std::find(protocols.begin(), protocols.end(), word) == protocols.end()) {
            fields.fault(key, "[\"kuma.io/protocol\"]: tag \"kuma.io/protocol\" has an invalid "
                              "value \"" +
                                  protocol->second +
                                  "\". Allowed values: grpc, http, http2, kafka, tcp");
        }
    }
    if (needs_service && !tags.contains(std::string{service_tag})) {
        fields.fault(key, "mandatory tag \"kuma.io/service\" is missing");
    }
}

void read_resources(std::string_view text, const std::string& name, const Mesh& mesh,
                    Resources& to) {
    Reader{name, mesh, to}.read(parse_yaml_documents(text, name, limits));
}

}  // namespace meshgate::conf::kuma
