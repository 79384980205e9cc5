#include "src/meshgate-dns/admin_client.h"

#include "src/meshgate-dns/verbs.h"

#include <cerrno>
#include <stdexcept>
#include <system_error>

namespace meshgate::dnsd {

std::optional<AdminAnswer> ask_admin(const conf::Dns& dns, const std::string& path,
                                     const char* method) {
    if (dns.admin.empty()) {
        throw std::runtime_error("dns.admin is off: there is nobody to ask");
    }
    std::optional<AdminAnswer> answer;
    try {
        answer = daemon::ask_admin(dns.admin, path, method);
    } catch (const std::system_error& error) {
        const int number = error.code().value();
        if (number != EACCES && number != EPERM) throw;
        throw NotPermitted(std::string{error.what()} + "; be root or the server's user");
    }
    if (answer && answer->status != 200) {
        throw std::runtime_error("admin " + answer->address + ": HTTP status " +
                                 std::to_string(answer->status) + ": " +
                                 answer->body.substr(0, answer->body.find('\n')));
    }
    return answer;
}

}  // namespace meshgate::dnsd
