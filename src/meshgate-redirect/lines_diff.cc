#include "src/meshgate-redirect/lines_diff.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace meshgate::redirect {
namespace {

using Lines = std::span<const std::string>;

constexpr std::size_t cells_max = std::size_t{8} << 20;  // 32 MiB

/// What is the same at both ends is no part of a difference.
void cut_common_ends(Lines& before, Lines& after) {
    while (!before.empty() && !after.empty() && before.front() == after.front()) {
        before = before.subspan(1);
        after = after.subspan(1);
    }
    while (!before.empty() && !after.empty() && before.back() == after.back()) {
        before = before.first(before.size() - 1);
        after = after.first(after.size() - 1);
    }
}

/// common[i, j]: lines of the longest common subsequence of before[i..] and after[j..].
class CommonLengths {
public:
    CommonLengths(Lines before, Lines after)
        : columns_(after.size() + 1), lengths_((before.size() + 1) * columns_) {
        for (std::size_t i = before.size(); i-- > 0;) {
            for (std::size_t j = after.size(); j-- > 0;) {
                lengths_[i * columns_ + j] = before[i] == after[j]
                                                 ? at(i + 1, j + 1) + 1
                                                 : std::max(at(i + 1, j), at(i, j + 1));
            }
        }
    }
    [[nodiscard]] std::uint32_t at(std::size_t i, std::size_t j) const {
        return lengths_[i * columns_ + j];
    }

private:
    std::size_t columns_;
    std::vector<std::uint32_t> lengths_;
};

}  // namespace

std::vector<std::string> lines_diff(const std::vector<std::string>& before,
                                    const std::vector<std::string>& after) {
    Lines left{before};
    Lines right{after};
    cut_common_ends(left, right);
    std::vector<std::string> diff;
    std::size_t i = 0;
    std::size_t j = 0;
    if ((left.size() + 1) * (right.size() + 1) <= cells_max) {
        const CommonLengths common{left, right};
        while (i < left.size() && j < right.size()) {
            if (left[i] == right[j]) {
                ++i;
                ++j;
            } else if (common.at(i + 1, j) >= common.at(i, j + 1)) {
                diff.push_back("- " + left[i++]);
            } else {
                diff.push_back("+ " + right[j++]);
            }
        }
    }
    for (; i < left.size(); ++i) diff.push_back("- " + left[i]);
    for (; j < right.size(); ++j) diff.push_back("+ " + right[j]);
    return diff;
}

}  // namespace meshgate::redirect
