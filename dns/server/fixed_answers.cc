#include "dns/server/fixed_answers.h"

#include <algorithm>

namespace meshgate::dns::server {
namespace {

/// Whether `name` is `suffix` or lies below it.
bool is_within(std::span<const std::uint8_t> name, std::span<const std::uint8_t> suffix) noexcept {
    if (name.size() < suffix.size()) return false;
    const std::size_t above = name.size() - suffix.size();
    if (!std::equal(suffix.begin(), suffix.end(), name.subspan(above).begin())) return false;
    std::size_t at = 0;
    while (at < above) at += 1U + name[at];
    return at == above;
}

/// A question for every type is one for each.
bool is_for(const FixedAnswer& answer, const wire::Question& question) noexcept {
    if (answer.qclass != wire::qclass::any && answer.qclass != question.qclass) return false;
    if (answer.qtype != wire::type::any && question.qtype != wire::type::any &&
        answer.qtype != question.qtype) {
        return false;
    }
    return is_within(question.lower(), answer.suffix);
}

}  // namespace

const FixedAnswer* FixedAnswers::find(const List& list, const wire::Question& question) noexcept {
    const auto found = std::find_if(list.begin(), list.end(), [&](const FixedAnswer& answer) {
        return is_for(answer, question);
    });
    return found == list.end() ? nullptr : &*found;
}

}  // namespace meshgate::dns::server
