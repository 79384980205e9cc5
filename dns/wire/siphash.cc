#include "dns/wire/siphash.h"

#include "src/common/errors.h"

#include <sys/random.h>

namespace meshgate::dns::wire {

HashKey random_hash_key() {
    HashKey key;
    if (::getrandom(&key, sizeof key, 0) != sizeof key) throw_errno("getrandom");
    return key;
}

}  // namespace meshgate::dns::wire
