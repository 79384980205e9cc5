#include "conf/kuma/yaml_tree.h"

#include "conf/load.h"
#include "conf/words.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <sstream>

namespace meshgate::conf::kuma {
namespace {

constexpr std::size_t depth_max = 16;  // Kuma's own keys need three

/// Builds the tree from what the parser sees, and stops it at the first thing out of bounds: its
/// own tree would have followed aliases and grown first.
class TreeBuilder : public YAML::EventHandler {
public:
    TreeBuilder(const std::string& name, std::size_t values_max)
        : name_(name), values_max_(values_max) {}

    [[nodiscard]] std::size_t values() const noexcept { return values_; }
    [[nodiscard]] const YAML::Mark& start() const noexcept { return start_; }

    YamlNode take() { return std::move(root_); }

    void OnDocumentStart(const YAML::Mark& mark) override { start_ = mark; }
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        add(mark, "", anchor, YamlNode::Kind::null);
    }
    void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { no_anchors(mark); }
    void OnAnchor(const YAML::Mark& mark, const std::string&) override { no_anchors(mark); }
    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  const std::string& value) override {
        YamlNode& node = add(mark, tag, anchor, YamlNode::Kind::scalar);
        node.quoted = tag == "!";
        node.text = value;
    }
    void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value) override {
        open(add(mark, tag, anchor, YamlNode::Kind::list));
    }
    void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value) override {
        open(add(mark, tag, anchor, YamlNode::Kind::map));
    }
    void OnSequenceEnd() override { open_.pop_back(); }
    void OnMapEnd() override { open_.pop_back(); }

    [[noreturn]] void fail(const YAML::Mark& mark, const std::string& message) const {
        throw Error({{place(mark), message}});
    }

private:
    [[nodiscard]] Location place(const YAML::Mark& mark) const {
        if (mark.is_null()) return {name_, 0, 0};
        return {name_, static_cast<std::uint32_t>(mark.line) + 1,
                static_cast<std::uint32_t>(mark.column) + 1};
    }

    [[noreturn]] void no_anchors(const YAML::Mark& mark) const {
        fail(mark, "anchors and aliases ('&', '*') are not taken: write the value out");
    }

    /// Where the next value belongs: the document, a list, or a map's key or value.
    std::vector<YamlNode>* siblings(const YAML::Mark& mark, YamlNode::Kind kind) {
        if (open_.empty()) return nullptr;
        YamlNode& parent = *open_.back();
        const bool key =
            parent.kind == YamlNode::Kind::map && parent.keys.size() == parent.children.size();
        if (!key) return &parent.children;
        if (kind != YamlNode::Kind::scalar) fail(mark, "a key must be a word");
        return &parent.keys;
    }

    YamlNode& add(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YamlNode::Kind kind) {
        if (anchor != 0) no_anchors(mark);
        // "?" is a plain value, "!" one in quotes.
        if (!tag.empty() && tag != "?" && tag != "!") fail(mark, "tags ('!') are not taken");
        if (++values_ > values_max_) {
            fail(mark, "more than " + std::to_string(values_max_) + " values");
        }
        auto* const list = siblings(mark, kind);
        YamlNode& node = list == nullptr ? root_ : list->emplace_back();
        node.kind = kind;
        node.where = place(mark);
        return node;
    }

    /// A parent's vectors do not grow while a child of it is open, so these pointers hold.
    void open(YamlNode& node) {
        if (open_.size() == depth_max) throw Error({{node.where, "nested more than 16 deep"}});
        open_.push_back(&node);
    }

    const std::string& name_;
    YamlNode root_;
    std::vector<YamlNode*> open_;
    std::size_t values_max_;
    std::size_t values_ = 0;
    YAML::Mark start_;  ///< of the document
};

}  // namespace

std::vector<YamlNode> parse_yaml_documents(std::string_view text, const std::string& name,
                                           const YamlLimits& limits) {
    if (text.size() > limits.bytes) {
        throw Error(
            {{{name, 0, 0}, "is larger than " + std::to_string(limits.bytes >> 20) + " MiB"}});
    }
    // yaml-cpp would guess at other encodings, and passes broken bytes on.
    if (!is_utf8(text)) throw Error({{{name, 0, 0}, "is not UTF-8 text"}});
    std::istringstream in{std::string{text}};
    std::vector<YamlNode> documents;
    std::size_t values_left = limits.values;
    int last_start = -1;
    YAML::Parser parser;
    for (bool is_first = true;; is_first = false) {
        TreeBuilder builder{name, values_left};
        try {
            if (is_first) parser.Load(in);
            if (!parser.HandleNextDocument(builder)) return documents;
        } catch (const YAML::Exception& error) {
            builder.fail(error.mark, error.msg);
        }
        // Before a ',' yaml-cpp sees one empty document after the other, without end.
        if (builder.start().pos == last_start) builder.fail(builder.start(), "cannot stand here");
        last_start = builder.start().pos;
        values_left -= builder.values();
        YamlNode root = builder.take();
        if (root.kind != YamlNode::Kind::null) documents.push_back(std::move(root));
    }
}

YamlNode parse_yaml(std::string_view text, const std::string& name) {
    auto documents = parse_yaml_documents(text, name, {});
    if (documents.size() > 1) throw Error({{{name, 0, 0}, "has more than one document"}});
    return documents.empty() ? YamlNode{} : std::move(documents.front());
}

}  // namespace meshgate::conf::kuma
