#include "dns/forward/trace.h"

namespace meshgate::dns::forward {

void Trace::add(const Step& step) noexcept {
    if (count_ < steps_.size()) steps_[count_++] = step;
}

}  // namespace meshgate::dns::forward
