#include "src/health/watcher.h"

#include "src/common/asio.h"

#include <doctest/doctest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace meshgate;
using namespace std::chrono_literals;
using asio::ip::tcp;

namespace {

/// For what has to happen; nothing waits for it in vain.
constexpr auto patience = 20s;

/// An endpoint on loopback: accepts, reads some, says its piece, and closes.
class Backend {
public:
    explicit Backend(asio::io_context& context)
        : acceptor_(context, tcp::endpoint{asio::ip::address_v4::loopback(), 0}) {
        at.address = *conf::IpAddress::parse("127.0.0.1");
        at.port = acceptor_.local_endpoint().port();
        accept();
    }

    /// Refuses connections from now on.
    void die() { acceptor_.close(); }
    void revive() {
        acceptor_.open(tcp::v4());
        acceptor_.set_option(tcp::acceptor::reuse_address{true});
        acceptor_.bind({asio::ip::address_v4::loopback(), at.port});
        acceptor_.listen();
        accept();
    }

    conf::SocketAddress at;
    std::string says = "HTTP/1.1 200 OK\r\n\r\n";  ///< empty: silence
    std::string says_later;                          ///< in a segment of its own
    std::vector<std::string> requests;
    std::size_t accepted = 0;

private:
    struct Client {
        explicit Client(tcp::socket s) : socket(std::move(s)) {}
        tcp::socket socket;
        std::array<char, 1000> bytes{};
    };

    void accept() {
        acceptor_.async_accept([this](const boost::system::error_code& error, tcp::socket socket) {
            if (error) return;
            ++accepted;
            serve(std::make_shared<Client>(std::move(socket)));
            accept();
        });
    }

    void serve(const std::shared_ptr<Client>& client) {
        client->socket.async_read_some(
            asio::buffer(client->bytes),
            [this, client](const boost::system::error_code& error, std::size_t size) {
                if (error) return;
                requests.emplace_back(client->bytes.data(), size);
                if (says.empty()) return silent_.push_back(client);
                boost::system::error_code ignored;
                asio::write(client->socket, asio::buffer(says), ignored);
                if (!says_later.empty()) finish_later(client);
            });
    }

    void finish_later(const std::shared_ptr<Client>& client) {
        const auto timer = std::make_shared<Timer>(
            static_cast<asio::io_context&>(acceptor_.get_executor().context()));
        timer->wait_for(20ms, [this, client, timer] {
            boost::system::error_code ignored;
            asio::write(client->socket, asio::buffer(says_later), ignored);
        });
    }

    tcp::acceptor acceptor_;
    std::vector<std::shared_ptr<Client>> silent_;
};

struct Lab {
    asio::io_context context{1};
    std::vector<std::string> changes;  ///< "web 127.0.0.1:80 dead: ..."
    health::Watcher watcher{context, [this](const health::Watcher::Report& report) {
                                const auto& target = *report.target;
                                changes.push_back(target.service + (report.alive ? " alive" : " dead: ") +
                                                  report.reason);
                            }};

    void run_until(const std::function<bool()>& so) {
        const auto end = std::chrono::steady_clock::now() + patience;
        while (!so() && std::chrono::steady_clock::now() < end) context.run_one_for(100ms);
        REQUIRE(so());
    }
};

health::Target target(const std::string& service, const Backend& backend,
                      conf::CheckKind kind = conf::CheckKind::tcp) {
    conf::HealthCheck check;
    check.kind = kind;
    check.interval = 20ms;
    check.timeout = 5s;
    return {service, backend.at, check, 0};
}

}  // namespace

TEST_CASE("an endpoint that refuses connections is dead at once, and alive after two good checks") {
    Lab lab;
    Backend backend{lab.context};
    backend.die();
    lab.watcher.watch({target("web", backend)});
    CHECK(lab.watcher.reports().at(0).alive);
    CHECK_FALSE(lab.watcher.reports().at(0).checked);
    lab.run_until([&] { return lab.changes.size() == 1; });
    CHECK(lab.changes.back() == "web dead: connect: Connection refused");
    CHECK_FALSE(lab.watcher.report("web", backend.at)->alive);
    backend.revive();
    lab.run_until([&] { return lab.changes.size() == 2; });
    CHECK(lab.changes.back() == "web alive");
    CHECK(backend.accepted >= 1);
    CHECK(lab.watcher.reports().at(0).alive);
    CHECK(lab.watcher.reports().at(0).reason.empty());
}

TEST_CASE("one that dies later is dead after so many bad checks") {
    Lab lab;
    Backend backend{lab.context};
    auto wanted = target("web", backend, conf::CheckKind::http);
    wanted.check.fall = 4;
    lab.watcher.watch({wanted});
    lab.run_until([&] { return backend.requests.size() >= 2; });
    CHECK(backend.requests.at(0) == "GET / HTTP/1.1\r\nHost: web\r\nUser-Agent: meshgate\r\n"
                                    "Accept: */*\r\nConnection: close\r\n\r\n");
    backend.says = "HTTP/1.1 503 No\r\n\r\n";
    const auto before = backend.requests.size();
    lab.run_until([&] { return !lab.changes.empty(); });
    CHECK(lab.changes.back() == "web dead: HTTP status 503");
    CHECK(backend.requests.size() - before >= 4);
}

TEST_CASE("an answer that comes in pieces is waited for") {
    Lab lab;
    Backend backend{lab.context};
    auto wanted = target("web", backend, conf::CheckKind::http);
    wanted.check.body = "fine";
    backend.says += "all is f";
    backend.says_later = "ins";
    lab.watcher.watch({wanted});
    lab.run_until([&] { return !lab.changes.empty(); });
    CHECK(lab.changes.back() == "web dead: HTTP body without the wanted text");
    backend.says_later = "ine";
    lab.run_until([&] { return lab.changes.size() == 2; });
    CHECK(lab.changes.back() == "web alive");
}

TEST_CASE("silence is an end too") {
    Lab lab;
    Backend backend{lab.context};
    backend.says.clear();
    auto wanted = target("web", backend, conf::CheckKind::http);
    wanted.check.timeout = 50ms;
    lab.watcher.watch({wanted});
    lab.run_until([&] { return !lab.changes.empty(); });
    CHECK(lab.changes.back() == "web dead: no answer within 50 ms");
}

TEST_CASE("who did not listen himself blames nobody for his silence") {
    Lab lab;
    Backend backend{lab.context};
    auto checked = target("web", backend, conf::CheckKind::http);
    checked.check.timeout = 100ms;
    for (const bool answers : {true, false}) {
        CAPTURE(answers);
        if (!answers) backend.says.clear();
        lab.watcher.watch({});
        lab.watcher.watch({checked});
        const auto before = backend.accepted;
        lab.run_until([&] { return backend.accepted > before; });
        std::this_thread::sleep_for(300ms);  // a reload that takes longer than the check may
        lab.run_until([&] { return backend.accepted > before + 1; });
        const std::vector<std::string> dead{"web dead: no answer within 100 ms"};
        CHECK(lab.changes == (answers ? std::vector<std::string>{} : dead));
    }
}

TEST_CASE("the check may go to another port than the endpoint's") {
    Lab lab;
    Backend backend{lab.context}, other{lab.context};
    auto wanted = target("web", backend);
    wanted.check.port = other.at.port;
    lab.watcher.watch({wanted});
    lab.run_until([&] { return other.accepted > 0; });
    CHECK(backend.accepted == 0);
}

TEST_CASE("what is known of an endpoint stays when the others change, unless its check does") {
    Lab lab;
    Backend dead{lab.context}, living{lab.context};
    dead.die();
    lab.watcher.watch({target("web", dead), target("shop", living)});
    lab.run_until([&] { return !lab.changes.empty() && living.accepted > 0; });
    lab.watcher.watch({target("web", dead), target("new", living)});
    CHECK_FALSE(lab.watcher.report("web", dead.at)->alive);
    CHECK_FALSE(lab.watcher.report("shop", living.at));
    CHECK_FALSE(lab.watcher.report("new", living.at)->checked);
    auto other = target("web", dead);
    other.check.rise = 7;
    lab.watcher.watch({other});
    CHECK_FALSE(lab.watcher.report("web", dead.at)->checked);
    lab.watcher.watch({});
    CHECK(lab.watcher.reports().empty());
    const auto accepted = living.accepted;
    lab.context.restart();
    lab.context.run_for(50ms);  // nothing is checked any more
    CHECK(living.accepted <= accepted + 1);
}

TEST_CASE("more endpoints than checks at a time are all checked, and each again") {
    Lab lab;
    Backend backend{lab.context};
    std::vector<health::Target> many;
    for (std::size_t i = 0; i < 3 * health::Watcher::probes_max; ++i) {
        many.push_back(target("s" + std::to_string(i), backend));
    }
    lab.watcher.watch(many);
    lab.run_until([&] {
        const auto reports = lab.watcher.reports();
        return std::ranges::all_of(reports, &health::Watcher::Report::checked);
    });
    const auto first = backend.accepted;
    lab.run_until([&] { return backend.accepted >= first + many.size(); });
    CHECK(lab.changes.empty());
}

TEST_CASE("so many checks at a time and no more, also after those under way were given up") {
    Lab lab;
    Backend silent{lab.context}, living{lab.context};
    silent.says.clear();
    std::vector<health::Target> many;
    for (std::size_t i = 0; i < health::Watcher::probes_max + 20; ++i) {
        many.push_back(target("s" + std::to_string(i), silent, conf::CheckKind::http));
    }
    lab.watcher.watch(many);
    lab.run_until([&] { return silent.accepted >= health::Watcher::probes_max; });
    lab.context.restart();
    lab.context.run_for(50ms);
    CHECK(silent.accepted == health::Watcher::probes_max);
    lab.watcher.watch({target("web", living)});
    lab.run_until([&] { return living.accepted > 1; });
}

TEST_CASE("checks that are under way end with the watcher, without a word") {
    asio::io_context context{1};
    Backend silent{context};
    silent.says.clear();
    bool called = false;
    {
        health::Watcher watcher{context, [&](const auto&) { called = true; }};
        watcher.watch({target("web", silent, conf::CheckKind::http)});
        const auto end = std::chrono::steady_clock::now() + patience;
        while (silent.requests.empty() && std::chrono::steady_clock::now() < end) {
            context.run_one_for(100ms);
        }
        REQUIRE(silent.requests.size() == 1);
    }
    context.restart();
    context.run_for(20ms);
    CHECK_FALSE(called);
}
