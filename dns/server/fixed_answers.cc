#include "dns/server/fixed_answers.h"

#include "dns/wire/name.h"

#include <algorithm>

namespace meshgate::dns::server {
namespace {

/// A question for every type is one for each.
bool is_for(const FixedAnswer& answer, const wire::Question& question) noexcept {
    if (answer.qclass != wire::qclass::any && answer.qclass != question.qclass) return false;
    if (answer.qtype != wire::type::any && question.qtype != wire::type::any &&
        answer.qtype != question.qtype) {
        return false;
    }
    return wire::is_within(question.lower(), answer.suffix);
}

}  // namespace

const FixedAnswer* FixedAnswers::find(const List& list, const wire::Question& question) noexcept {
    const auto found = std::find_if(list.begin(), list.end(), [&](const FixedAnswer& answer) {
        return is_for(answer, question);
    });
    return found == list.end() ? nullptr : &*found;
}

}  // namespace meshgate::dns::server
