#pragma once

#include "src/common/exit_code.h"
#include "src/meshgate-redirect/invocation.h"

/// What meshgate-redirect does, one file a verb. Data goes to standard output, messages to standard
/// error. All throw what main() turns into exit codes.
namespace meshgate::redirect {

/// Makes the capture what the configuration says, in one transaction, or leaves everything as it
/// was. With --dry-run: prints the ruleset.
ExitCode install(const Invocation& invocation);

/// Takes everything of ours away, whatever the configuration says now.
ExitCode uninstall(const Invocation& invocation);

/// Keeps what `install --confirm` has installed; with --undo: puts the previous state back.
ExitCode confirm(const Invocation& invocation);

/// Keeps the capture as it is meant to be, until a signal ends it.
ExitCode guard(const Invocation& invocation);

ExitCode status(const Invocation& invocation);

/// Prints "+ ..." for what install would add and "- ..." for what it would remove.
ExitCode diff(const Invocation& invocation);

ExitCode check(const Invocation& invocation);

/// Prints the TOML that says what kumactl's flags, environment and files say.
ExitCode import(const Invocation& invocation);

/// Says where a packet goes and why, by the installed rules or by those of a configuration.
ExitCode explain(const Invocation& invocation);

/// Says what is wrong with this machine and the capture on it, and what to do.
ExitCode doctor(const Invocation& invocation);

}  // namespace meshgate::redirect
