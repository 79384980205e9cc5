#include "dns/wire/siphash.h"

#include "src/common/errors.h"

#include <sys/random.h>

#include <cerrno>

namespace meshgate::dns::wire {

HashKey random_hash_key() {
    HashKey key;
    // At an early boot it waits, and a signal may come meanwhile.
    while (::getrandom(&key, sizeof key, 0) != sizeof key) {
        if (errno != EINTR) throw_errno("getrandom");
    }
    return key;
}

}  // namespace meshgate::dns::wire
