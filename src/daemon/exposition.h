#pragma once

#include <array>
#include <charconv>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

/// Prometheus text exposition format 0.0.4.
namespace meshgate::daemon {

/// One metric family after the other.
class Exposition {
public:
    void family(std::string_view name, std::string_view type, std::string_view help) {
        name_ = name;
        text_.append("# HELP ").append(name).append(" ").append(help);
        text_.append("\n# TYPE ").append(name).append(" ").append(type).append("\n");
    }

    /// A sample of the family; `labels` is what stands between the braces, `suffix` behind the
    /// name.
    template <class Number>
    void sample(std::string_view labels, Number value, std::string_view suffix = "") {
        text_.append(name_).append(suffix);
        if (!labels.empty()) text_.append("{").append(labels).append("}");
        text_.append(" ").append(number(value)).append("\n");
    }

    template <class Number>
    static std::string number(Number value) {
        std::array<char, 32> buffer{};
        char* const end = buffer.data() + buffer.size();
        // As %g: "0.0001" and "1e-05", what the label `le` looks like elsewhere.
        if constexpr (std::is_floating_point_v<Number>) {
            return {buffer.data(),
                    std::to_chars(buffer.data(), end, value, std::chars_format::general).ptr};
        } else {
            return {buffer.data(), std::to_chars(buffer.data(), end, value).ptr};
        }
    }

    std::string take() { return std::move(text_); }

private:
    std::string text_;
    std::string_view name_;
};

/// The labels of a sample, in the order given.
std::string labels(std::initializer_list<std::pair<std::string_view, std::string_view>> pairs);

inline std::string label(std::string_view key, std::string_view value) {
    return labels({{key, value}});
}

}  // namespace meshgate::daemon
