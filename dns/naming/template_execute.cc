#include "dns/naming/template_nodes.h"

#include <utility>

namespace meshgate::dns::naming {
namespace {

class Executor {
public:
    explicit Executor(const TemplateData& data) : data_(data) {}

    std::string run(const std::vector<TemplateNode>& nodes) {
        walk(nodes, Whole{});
        return std::move(out_);
    }

private:
    struct Variable {
        std::string name;
        Value value;
    };

    void walk(const std::vector<TemplateNode>& nodes, const Value& dot) {
        for (const TemplateNode& node : nodes) {
            switch (node.kind) {
            case TemplateNode::Kind::text:
                append(node.text, {});
                break;
            case TemplateNode::Kind::action:
                action(node.pipeline.front(), dot);
                break;
            default:
                branch(node, dot);
            }
        }
    }

    void action(const Pipeline& pipeline, const Value& dot) {
        const Value value = evaluate(pipeline, dot);
        if (pipeline.variable.empty())
            append(printed(value, "<no value>", pipeline.at), pipeline.at);
    }

    /// What is declared in the condition is known in both branches, and forgotten after them.
    void branch(const TemplateNode& node, const Value& dot) {
        const std::size_t outer = variables_.size();
        const Value value = evaluate(node.pipeline.front(), dot);
        if (is_true(value, data_)) {
            walk(node.then, node.kind == TemplateNode::Kind::with ? value : dot);
        } else {
            walk(node.otherwise, dot);
        }
        variables_.resize(outer);
    }

    Value evaluate(const Pipeline& pipeline, const Value& dot) {
        Value value;
        bool is_first = true;
        for (const Command& command : pipeline.commands) {
            value = run(command, dot, is_first ? nullptr : &value);
            is_first = false;
        }
        if (pipeline.declares) {
            variables_.push_back({pipeline.variable, value});
        } else if (!pipeline.variable.empty()) {
            variable(pipeline.variable, pipeline.at) = value;
        }
        return value;
    }

    /// @param last  what the command before '|' gave: the last argument.
    Value run(const Command& command, const Value& dot, const Value* last) {
        const Operand& first = command.operands.front();
        if (first.kind != Operand::Kind::function) {
            const bool is_nil = first.kind == Operand::Kind::constant &&
                                std::holds_alternative<Nothing>(first.constant);
            if (is_nil) fail(first.at, "nil is no value to print");
            return value_of(first, dot);
        }
        const FunctionName function = function_of(first.word);
        if (function == FunctionName::and_ || function == FunctionName::or_) {
            return and_or(command, function == FunctionName::or_, dot, last);
        }
        std::vector<Value> arguments;
        for (std::size_t i = 1; i < command.operands.size(); ++i) {
            arguments.push_back(value_of(command.operands[i], dot));
        }
        if (last != nullptr) arguments.push_back(*last);
        return bounded(call_function(function, arguments, data_, first.at), first.at);
    }

    /// The first argument that decides, or the last; those after it are not looked at.
    Value and_or(const Command& command, bool until, const Value& dot, const Value* last) {
        if (command.operands.size() == 1 && last == nullptr) {
            fail(command.operands.front().at, "has 0 arguments");
        }
        Value value;
        for (std::size_t i = 1; i < command.operands.size(); ++i) {
            value = value_of(command.operands[i], dot);
            if (is_true(value, data_) == until) return value;
        }
        return last != nullptr ? *last : value;
    }

    Value value_of(const Operand& operand, const Value& dot) {
        Value value = base_of(operand, dot);
        for (const std::string& name : operand.fields) value = field(value, name, operand.at);
        return value;
    }

    Value base_of(const Operand& operand, const Value& dot) {
        switch (operand.kind) {
        case Operand::Kind::constant:
            return operand.constant;
        case Operand::Kind::dot:
            return dot;
        case Operand::Kind::variable:
            return operand.word == "$" ? Value{Whole{}} : variable(operand.word, operand.at);
        case Operand::Kind::pipeline:
            return evaluate(operand.inner.front(), dot);
        case Operand::Kind::function:
            break;
        }
        Command call;
        call.operands.push_back(operand);
        return run(call, dot, nullptr);
    }

    [[nodiscard]] Value field(const Value& of, const std::string& name, Place at) const {
        if (std::holds_alternative<Nothing>(of)) return Nothing{};
        if (!std::holds_alternative<Whole>(of)) fail(at, "can't evaluate field " + name);
        const auto found = data_.fields.find(name);
        if (found != data_.fields.end()) return found->second;
        if (data_.is_record) fail(at, "there is no field ." + name);
        return Nothing{};
    }

    /// The innermost of that name. `and` and `or` may have passed its declaration over.
    Value& variable(const std::string& name, Place at) {
        for (auto known = variables_.rbegin(); known != variables_.rend(); ++known) {
            if (known->name == name) return known->value;
        }
        fail(at, "there is no variable '" + name + "'");
    }

    static Value bounded(Value value, Place at) {
        const auto* text = std::get_if<std::string>(&value);
        if (text != nullptr && text->size() > rendered_bytes_max) {
            fail(at, "makes more than 4096 bytes");
        }
        return value;
    }

    void append(const std::string& text, Place at) {
        out_ += text;
        if (out_.size() > rendered_bytes_max) fail(at, "makes more than 4096 bytes");
    }

    const TemplateData& data_;
    std::string out_;
    std::vector<Variable> variables_;
};

}  // namespace

std::string Template::execute(const TemplateData& data) const {
    return Executor{data}.run(nodes_->nodes);
}

}  // namespace meshgate::dns::naming
