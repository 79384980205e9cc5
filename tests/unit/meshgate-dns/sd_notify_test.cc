#include "src/daemon/sd_notify.h"

#include "src/common/unique_fd.h"
#include "tests/unit/meshgate-dns/temporary_folder.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <ostream>
#include <string>

#include <doctest/doctest.h>

using namespace meshgate;
using namespace meshgate::daemon;

namespace {

/// What systemd is on the other side.
class Manager {
public:
    explicit Manager(const std::string& address)
        : socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
        sockaddr_un where{};
        where.sun_family = AF_UNIX;
        std::memcpy(where.sun_path, address.data(), address.size());
        if (address.front() == '@') where.sun_path[0] = '\0';
        const auto length =
            static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address.size());
        REQUIRE(::bind(socket_.get(), reinterpret_cast<sockaddr*>(&where), length) == 0);
    }

    std::string receive() {
        char buffer[512];
        const auto n = ::recv(socket_.get(), buffer, sizeof buffer, 0);
        return n < 0 ? "" : std::string(buffer, static_cast<std::size_t>(n));
    }

private:
    UniqueFd socket_;
};

}  // namespace

TEST_CASE("messages arrive at a path and at an abstract address") {
    const TemporaryFolder folder;
    const std::string path = (folder / "notify").string();
    for (const std::string& address : {path, "@" + path}) {
        CAPTURE(address);
        Manager manager{address};
        Notifier notifier{address};
        notifier.ready("2 names");
        CHECK(manager.receive() == "READY=1\nSTATUS=2 names\n");
        notifier.reloading();
        CHECK(manager.receive().starts_with("RELOADING=1\nMONOTONIC_USEC="));
        notifier.alive();
        CHECK(manager.receive() == "WATCHDOG=1\n");
        notifier.stopping();
        CHECK(manager.receive().starts_with("STOPPING=1\n"));
    }
}

TEST_CASE("a manager that made its socket anew is found again") {
    const TemporaryFolder folder;
    const std::string path = (folder / "notify").string();
    auto manager = std::make_unique<Manager>(path);
    Notifier notifier{path};
    manager.reset();
    std::filesystem::remove(path);
    notifier.alive();  // nobody there: nothing happens
    manager = std::make_unique<Manager>(path);
    notifier.alive();
    CHECK(manager->receive() == "WATCHDOG=1\n");
}

TEST_CASE("without an address, or with a useless one, nothing happens") {
    for (const std::string& address :
         {std::string{}, std::string{"/nonexistent/notify"}, std::string{"relative"},
          std::string{"vsock:2:1"}, "/" + std::string(200, 'a')}) {
        CAPTURE(address);
        Notifier notifier{address};
        notifier.ready("");
        notifier.alive();
    }
}

TEST_CASE("the watchdog is due at half its time, for the process it names") {
    struct Row {
        const char* usec;
        const char* pid;
        std::optional<long> interval;
    };
    const Row rows[] = {
        {nullptr, nullptr, {}}, {"", nullptr, {}},         {"30000000", nullptr, 15000000},
        {"abc", nullptr, {}},   {"3000000", "1", {}},      {"3000000", "x", {}},
        {"0", nullptr, {}},     {"3000000x", nullptr, {}},
    };
    for (const Row& row : rows) {
        row.usec == nullptr ? ::unsetenv("WATCHDOG_USEC") : ::setenv("WATCHDOG_USEC", row.usec, 1);
        row.pid == nullptr ? ::unsetenv("WATCHDOG_PID") : ::setenv("WATCHDOG_PID", row.pid, 1);
        const auto interval = watchdog_interval();
        CAPTURE(std::string{row.usec == nullptr ? "unset" : row.usec});
        CHECK(interval.has_value() == row.interval.has_value());
        if (interval && row.interval) CHECK(interval->count() == *row.interval);
    }
    ::unsetenv("WATCHDOG_USEC");
    ::unsetenv("WATCHDOG_PID");
}
