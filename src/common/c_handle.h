#pragma once

#include <memory>

namespace meshgate {

template <auto Free>
struct FreedBy {
    template <class T>
    void operator()(T* object) const noexcept {
        Free(object);
    }
};

/// Owns an object of a C library and frees it with `Free`. Null is "none".
template <class T, auto Free>
using CHandle = std::unique_ptr<T, FreedBy<Free>>;

}  // namespace meshgate
