#include "dns/cache/memory.h"

#include <sys/mman.h>

#include <new>

namespace meshgate::dns::cache {

Memory::Memory(std::size_t bytes) : size_(bytes) {
    if (bytes == 0) return;
    void* const begin = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (begin == MAP_FAILED) throw std::bad_alloc{};
    begin_ = static_cast<std::uint8_t*>(begin);
}

Memory::~Memory() {
    if (begin_ != nullptr) ::munmap(begin_, size_);
}

void Memory::reset() noexcept {
    if (begin_ != nullptr) static_cast<void>(::madvise(begin_, size_, MADV_DONTNEED));
}

}  // namespace meshgate::dns::cache
