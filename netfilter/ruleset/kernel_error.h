#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace meshgate::netfilter {

/// The kernel, or a program that speaks to it, refused: which object, what it said.
class KernelError : public std::runtime_error {
public:
    KernelError(std::string object, int error, std::string_view extended);
    [[nodiscard]] int error() const noexcept { return error_; }  ///< errno
    [[nodiscard]] const std::string& object() const noexcept {
        return object_;
    }  ///< "rule 'tcp dport 53 ...' in chain output"

private:
    std::string object_;
    int error_;
};

}  // namespace meshgate::netfilter
