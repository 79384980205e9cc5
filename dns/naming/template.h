#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

namespace meshgate::dns::naming {

inline constexpr std::size_t template_bytes_max = 4096;
inline constexpr std::size_t rendered_bytes_max = 4096;

/// What is wrong with a template, or with executing it.
class TemplateError : public std::runtime_error {
public:
    TemplateError(std::uint32_t at_line, std::uint32_t at_column, const std::string& message)
        : std::runtime_error(std::to_string(at_line) + ":" + std::to_string(at_column) + ": " +
                             message),
          line(at_line), column(at_column) {}

    std::uint32_t line;    ///< within the template, from 1
    std::uint32_t column;  ///< in bytes, from 1
};

/// A template's data: what "." is.
struct TemplateData {
    std::map<std::string, std::string, std::less<>> fields;
    bool is_record = false;  ///< an unknown field is an error (a Go struct); else "<no value>"
    /// What `label "key"` finds; used in templates that have the function.
    std::map<std::string, std::string> labels;
    bool has_every_label = false;  ///< those that are absent too, as "label": to try a template
};

struct TemplateNodes;

/// The part of Go's text/template that names are made with: text, fields, constants of whole
/// numbers, strings and truths, variables, pipelines, parentheses, `if`, `with`, comments, trimmed
/// white space, and the functions and or not eq ne lt le gt ge len index slice print printf println
/// html js urlquery. Loops and templates in templates are errors: whatever is written here ends, in
/// time and bytes that its length bounds. (pkg.go.dev/text/template)
class Template {
public:
    /// @param has_labels  there is a function `label` as well: HostnameGenerator's.
    /// @throws TemplateError
    static Template parse(std::string_view text, bool has_labels);

    /// @throws TemplateError for what Go refuses: a wrong type, an index out of range, an absent
    ///   label; and for what no name is made of: more than rendered_bytes_max bytes.
    [[nodiscard]] std::string execute(const TemplateData& data) const;

private:
    explicit Template(std::shared_ptr<const TemplateNodes> nodes) : nodes_(std::move(nodes)) {}

    std::shared_ptr<const TemplateNodes> nodes_;
};

}  // namespace meshgate::dns::naming
