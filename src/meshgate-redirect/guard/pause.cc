#include "src/meshgate-redirect/guard/pause.h"

#include "src/common/log.h"
#include "src/meshgate-redirect/confirm/watcher_client.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <utility>

namespace meshgate::redirect {
namespace {

constexpr std::chrono::seconds guard_patience{30};

using What = PauseOutcome::What;
constexpr std::array<std::pair<What, std::string_view>, 6> outcome_words{
    {{What::broken_off, "broken off"},
     {What::installed, "installed"},
     {What::to_confirm, "to confirm"},
     {What::confirmed, "confirmed"},
     {What::put_back, "put back"},
     {What::uninstalled, "uninstalled"}}};
constexpr std::string_view no_orders = "without orders";

}  // namespace

std::vector<std::string> to_lines(const PauseOutcome& outcome) {
    const auto* const found = std::ranges::find(outcome_words, outcome.what,
                                                &std::pair<What, std::string_view>::first);
    std::vector<std::string> lines{std::string{found->second}};
    auto orders = outcome.orders ? to_lines(*outcome.orders) : std::nullopt;
    if (!orders) {
        lines.emplace_back(no_orders);
        return lines;
    }
    std::ranges::move(*orders, std::back_inserter(lines));
    return lines;
}

PauseOutcome parse_outcome(const std::vector<std::string>& lines) {
    if (lines.empty()) return {};
    const auto* const found = std::ranges::find(outcome_words, lines.front(),
                                                &std::pair<What, std::string_view>::second);
    if (found == outcome_words.end()) return {};
    PauseOutcome outcome{.what = found->first, .orders = {}};
    if (lines.size() > 1 && lines[1] == no_orders) return outcome;
    outcome.orders = parse_orders({lines.begin() + 1, lines.end()});
    return outcome.orders ? outcome : PauseOutcome{};
}

std::optional<std::string> find_guard() {
    std::ifstream in{"/proc/self/net/unix"};
    const std::string table{std::istreambuf_iterator<char>{in}, {}};
    for (const auto& name : abstract_names(table, guard_socket_start)) {
        if (connect_abstract(name)) return name;
    }
    return std::nullopt;
}

int process_of_guard(const std::string& socket) {
    const auto connection = connect_abstract(socket);
    ucred peer{};
    socklen_t bytes = sizeof peer;
    const bool is_known = connection && ::getsockopt(connection.get(), SOL_SOCKET, SO_PEERCRED,
                                                     &peer, &bytes) == 0;
    return is_known ? peer.pid : 0;
}

GuardPause::GuardPause(std::string_view verb) {
    const auto name = find_guard();
    if (!name) return;
    guard_ = connect_abstract(*name);
    if (!guard_) return;  // it has just ended
    write_line(guard_.get(), std::string{words::let_go} + std::string{verb} + " (process " +
                                 std::to_string(::getpid()) + ")");
    const auto answer = read_line(guard_.get(), guard_patience);
    if (answer.empty() && !find_guard()) {
        guard_.reset();  // it has ended meanwhile
        return;
    }
    if (answer != words::go) {
        throw std::runtime_error("the guard does not let go of the rules: somebody else changes "
                                 "them, or it hangs (systemctl status meshgate-guard)");
    }
}

void GuardPause::end(const PauseOutcome& outcome) {
    if (!guard_) return;
    for (const auto& line : to_lines(outcome)) write_line(guard_.get(), line);
    write_line(guard_.get(), words::over);
    const auto answer = read_line(guard_.get(), guard_patience);
    if (answer != words::held) {
        log::warning("the guard: " + (answer.empty() ? "no answer" : answer));
    }
    guard_.reset();
}

}  // namespace meshgate::redirect
