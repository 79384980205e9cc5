#include "netfilter/ruleset/kernel_error.h"

#include <system_error>
#include <utility>

namespace meshgate::netfilter {
namespace {

std::string with_error(std::string_view object, int error, std::string_view extended) {
    std::string text{object};
    text += ": " + std::generic_category().message(error);
    if (!extended.empty()) text += " (" + std::string{extended} + ")";
    return text;
}

}  // namespace

KernelError::KernelError(std::string object, int error, std::string_view extended)
    : std::runtime_error(with_error(object, error, extended)), object_(std::move(object)),
      error_(error) {}

}  // namespace meshgate::netfilter
