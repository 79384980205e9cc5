#pragma once

#include "src/common/exit_code.h"

#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace meshgate::dnsd {

inline constexpr const char* version = MESHGATE_VERSION;

/// A command line, understood.
struct Invocation {
    std::optional<std::string> config;   ///< --config; "-" is standard input
    bool json = false;                   ///< --json
    bool trace = false;                  ///< --trace
    std::vector<std::string> arguments;  ///< the words after the verb
};

/// The system refused for want of a privilege; what() says which step. Exit code 77.
class NotPermitted : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

// The verbs, each in the file of its name. Data goes to standard output, messages to standard
// error. What they throw is translated to an exit code in main.cc.

ExitCode serve(const Invocation& invocation);   ///< runs until SIGTERM
ExitCode check(const Invocation& invocation);   ///< silent, or throws
ExitCode names(const Invocation& invocation);   ///< what would be served
ExitCode query(const Invocation& invocation);   ///< asks the running server one question
ExitCode status(const Invocation& invocation);  ///< what the running server says of itself
ExitCode flush(const Invocation& invocation);   ///< makes the running server forget answers
ExitCode reload(const Invocation& invocation);  ///< SIGHUP, and waits for the outcome

}  // namespace meshgate::dnsd
