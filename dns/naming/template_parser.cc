#include "dns/naming/template_nodes.h"
#include "dns/naming/template_scanner.h"

#include <array>
#include <utility>

namespace meshgate::dns::naming {
namespace {

constexpr int depth_max = 32;
constexpr std::size_t operands_max = 64;  // of a command; Go has no bound, a name needs three

/// What ends a list of nodes.
enum class End : std::uint8_t { text, end, else_, else_if, else_with };

constexpr std::array<std::string_view, 6> refused{"range", "define", "template",
                                                  "block", "break",  "continue"};

class Parser {
public:
    Parser(std::string_view text, bool has_labels) : scanner_(text), has_labels_(has_labels) {}

    std::vector<TemplateNode> all() {
        std::vector<TemplateNode> nodes;
        const Place at = scanner_.place();
        switch (list(nodes, 0)) {
        case End::text:
            return nodes;
        case End::end:
            fail(at, "{{end}} without {{if}} or {{with}}");
        default:
            fail(at, "{{else}} without {{if}} or {{with}}");
        }
    }

private:
    End list(std::vector<TemplateNode>& to, int depth) {
        if (depth > depth_max) fail(scanner_.place(), "is nested too deeply");
        for (;;) {
            std::string text = scanner_.text();
            if (!text.empty()) {
                TemplateNode node;
                node.text = std::move(text);
                to.push_back(std::move(node));
            }
            if (!scanner_.action_begins()) return End::text;
            const std::string_view word = scanner_.keyword();
            for (const auto name : refused) {
                if (word == name) {
                    fail(scanner_.place(),
                         "{{" + std::string{name} + "}} is no part of a name's template");
                }
            }
            if (word == "end") {
                scanner_.action_ends();
                return End::end;
            }
            if (word == "else") return after_else();
            if (word == "if" || word == "with") {
                to.push_back(branch(word == "if", depth));
                continue;
            }
            TemplateNode node;
            node.kind = TemplateNode::Kind::action;
            node.pipeline.push_back(pipeline(0));
            scanner_.action_ends();
            to.push_back(std::move(node));
        }
    }

    End after_else() {
        const std::string_view word = scanner_.keyword();
        if (word == "if") return End::else_if;
        if (word == "with") return End::else_with;
        scanner_.action_ends();
        return End::else_;
    }

    /// Of `if` and `with`, from the pipeline to the {{end}}.
    TemplateNode branch(bool is_if, int depth) {
        TemplateNode node;
        node.kind = is_if ? TemplateNode::Kind::if_ : TemplateNode::Kind::with;
        const std::size_t outer = variables_.size();
        const Place at = scanner_.place();
        node.pipeline.push_back(pipeline(0));
        scanner_.action_ends();
        const std::size_t with_condition = variables_.size();
        End end = list(node.then, depth + 1);
        variables_.resize(with_condition);
        if (end == End::else_) {
            end = list(node.otherwise, depth + 1);
            if (end != End::end && end != End::text) fail(at, "has two {{else}}");
        } else if (end == (is_if ? End::else_if : End::else_with)) {
            if (depth > depth_max) fail(at, "is nested too deeply");
            node.otherwise.push_back(branch(end == End::else_if, depth + 1));
            end = End::end;  // the one {{end}} ended both
        }
        if (end == End::text) fail(at, "has no {{end}}");
        if (end != End::end) fail(at, is_if ? "has an {{else with}}" : "has an {{else if}}");
        variables_.resize(outer);
        return node;
    }

    Pipeline pipeline(int depth) {
        if (depth > depth_max) fail(scanner_.place(), "is nested too deeply");
        Pipeline out;
        out.at = scanner_.place();
        if (auto target = scanner_.assignment()) {
            out.variable = std::move(target->variable);
            out.declares = target->declares;
            if (!out.declares) check_variable(out.variable, out.at);
        }
        do {
            out.commands.push_back(command(depth));
            const Operand& first = out.commands.back().operands.front();
            if (out.commands.size() > 1 && !is_call(first)) {
                fail(first.at, "only a function can follow '|'");
            }
        } while (scanner_.take('|'));
        if (out.declares) variables_.push_back(out.variable);
        return out;
    }

    static bool is_call(const Operand& operand) {
        return operand.kind == Operand::Kind::function && operand.fields.empty();
    }

    Command command(int depth) {
        Command out;
        while (!scanner_.command_ends()) {
            if (out.operands.size() == operands_max) fail(scanner_.place(), "has too many words");
            out.operands.push_back(operand(depth));
        }
        if (out.operands.empty()) fail(scanner_.place(), "has no value");
        if (out.operands.size() > 1 && !is_call(out.operands.front())) {
            fail(out.operands[1].at, "only a function has arguments");
        }
        return out;
    }

    Operand operand(int depth) {
        Operand out = scanner_.operand();
        if (out.kind == Operand::Kind::pipeline) {
            out.inner.push_back(pipeline(depth + 1));
            scanner_.expect(')');
        } else if (out.kind == Operand::Kind::function) {
            const FunctionName function = function_of(out.word);
            if (function == FunctionName::none ||
                (function == FunctionName::label && !has_labels_)) {
                fail(out.at, "there is no function '" + out.word + "'");
            }
        } else if (out.kind == Operand::Kind::variable) {
            check_variable(out.word, out.at);
        }
        out.fields = scanner_.fields(out);
        scanner_.operand_ends();
        return out;
    }

    void check_variable(const std::string& name, Place at) const {
        if (name == "$") return;
        for (const std::string& known : variables_) {
            if (known == name) return;
        }
        fail(at, "there is no variable '" + name + "'");
    }

    TemplateScanner scanner_;
    bool has_labels_;
    std::vector<std::string> variables_;  ///< that are declared where we are
};

}  // namespace

Template Template::parse(std::string_view text, bool has_labels) {
    if (text.size() > template_bytes_max) fail({}, "is longer than 4096 bytes");
    auto nodes = std::make_shared<TemplateNodes>();
    nodes->nodes = Parser{text, has_labels}.all();
    return Template{std::move(nodes)};
}

}  // namespace meshgate::dns::naming
