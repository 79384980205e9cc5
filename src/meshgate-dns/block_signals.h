#pragma once

#include <csignal>

#include <pthread.h>

namespace meshgate::dnsd {

/// Threads started while it lives never see a signal: those are the control thread's, and no system
/// call of a worker is interrupted.
class BlockSignals {
public:
    BlockSignals() {
        sigset_t all;
        ::sigfillset(&all);
        ::pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    ~BlockSignals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    BlockSignals(const BlockSignals&) = delete;
    BlockSignals& operator=(const BlockSignals&) = delete;

private:
    sigset_t before_{};
};

}  // namespace meshgate::dnsd
