#pragma once

#include "src/meshgate-redirect/doctor/checks.h"

#include <string>
#include <vector>

namespace meshgate::redirect::test {

/// A healthy machine: everything captured, Envoy of kuma-dp at its ports, meshgate-dns, an sshd that
/// is left alone.
Facts healthy();

conf::IpAddress ip_of(const char* text);
netfilter::OpenSocket open_socket(conf::Port port, conf::Uid uid, std::uint32_t inode);

/// "MG401 error", in the order of the report.
std::vector<std::string> codes(const Facts& facts);

/// The details of a finding; empty when it is not there.
std::vector<std::string> details(const Facts& facts, std::string_view code);

}  // namespace meshgate::redirect::test
