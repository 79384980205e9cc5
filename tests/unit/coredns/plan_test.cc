#include "src/meshgate-dns/coredns/plan.h"

#include "dns/wire/text_name.h"

#include <optional>
#include <ostream>
#include <string>

#include <doctest/doctest.h>

using namespace meshgate;
using coredns::Plan;
using coredns::PortPlan;
using dns::forward::Order;
using dns::server::FixedAnswers;
using dns::wire::Rcode;

namespace {

Plan plan_of(const std::string& text) {
    return coredns::make_plan(conf::corefile::parse(text, "Corefile"));
}

/// "suffix=server,server|alternative" for each group, in order.
std::string routes_of(const PortPlan& port) {
    std::string text;
    for (const auto& group : port.groups) {
        text += (text.empty() ? "" : " ") + dns::wire::to_text(group.suffix) + "=";
        const auto add = [&text](const std::vector<conf::Upstream>& upstreams) {
            for (const auto& upstream : upstreams) {
                const auto* address = std::get_if<conf::SocketAddress>(&upstream);
                text += address ? address->address.to_string() : "file";
                text += ",";
            }
        };
        add(group.upstreams);
        for (const auto& alternative : group.alternatives) {
            text += "|";
            add(alternative.upstreams);
        }
    }
    return text;
}

/// The code that a list has for a question; "pass" and "none" for no answer.
std::string said(const FixedAnswers::List& list, const std::string& name, std::uint16_t qtype = 1,
                 std::uint16_t qclass = 1) {
    dns::wire::Question question;
    const auto wire = dns::wire::to_wire(name);
    std::copy(wire.begin(), wire.end(), question.lower_qname.begin());
    question.qname_bytes = wire.size();
    question.qtype = qtype;
    question.qclass = qclass;
    const auto* found = FixedAnswers::find(list, question);
    if (found == nullptr) return "none";
    return found->rcode ? std::to_string(static_cast<int>(*found->rcode)) : "pass";
}

}  // namespace

TEST_CASE("Kuma's blocks become a server each, with Envoy first and the host's servers behind it") {
    const Plan plan = plan_of(".:15053 {\n forward . 127.0.0.1:15054\n"
                              " alternate NXDOMAIN,NODATA . /etc/resolv.conf\n"
                              " prometheus localhost:19153\n errors\n}\n"
                              ".:15055 {\n template ANY ANY . {\n rcode NXDOMAIN\n }\n}\n");
    REQUIRE(plan.ports.size() == 2);
    const PortPlan& mesh = plan.ports[0];
    CHECK(mesh.server == "dns://:15053");
    CHECK(mesh.zone == ".");
    CHECK(mesh.listen.size() == 2);
    CHECK_FALSE(mesh.bound);
    CHECK(routes_of(mesh) == ".=127.0.0.1,|file,");
    CHECK(mesh.groups[0].alternatives[0].on.has(3, 0));
    CHECK(mesh.groups[0].alternatives[0].on.has(0, 0));
    CHECK_FALSE(mesh.groups[0].alternatives[0].on.has(0, 1));
    CHECK(mesh.groups[0].order == Order::random);
    CHECK(mesh.ttl_max.positive == 0);
    CHECK(mesh.log.errors);
    CHECK_FALSE(mesh.log.format);
    CHECK(mesh.plugins == std::set<std::string>{"alternate", "errors", "forward", "prometheus"});
    CHECK(said(mesh.fixed.before_names, "www.example") == "pass");
    CHECK(said(mesh.fixed.before_names, "version.bind", 16, 3) == "pass");
    const PortPlan& empty = plan.ports[1];
    CHECK(said(empty.fixed.before_names, "www.example", 28) == "3");
    CHECK(said(empty.fixed.before_names, "version.bind", 16, 3) == "5");
    REQUIRE(plan.http.size() == 1);
    CHECK(plan.http.begin()->second.metrics);
}

TEST_CASE("each name is asked where the first forward for it in its block says") {
    const Plan plan = plan_of("corp.example:53 {\n forward . 192.0.2.1 {\n"
                              "  except dmz.corp.example\n }\n}\n"
                              ".:53 {\n forward mesh 192.0.2.2\n forward . 192.0.2.3 {\n"
                              "  except local\n  policy sequential\n }\n}\n"
                              "alone.example {\n}\n");
    REQUIRE(plan.ports.size() == 1);
    CHECK(routes_of(plan.ports[0]) == ".=192.0.2.3, mesh=192.0.2.2, local= corp.example=192.0.2.1, "
                                      "alone.example= dmz.corp.example=");
    CHECK(plan.ports[0].groups[0].order == Order::listed);
}

TEST_CASE("names of no zone are refused; the longest zone decides") {
    const Plan plan = plan_of("example.org {\n template IN AAAA {\n rcode NOERROR\n }\n"
                              " forward . 192.0.2.1\n}\n"
                              "a.example.org {\n template IN ANY {\n rcode NXDOMAIN\n }\n}\n");
    const auto& list = plan.ports.at(0).fixed.before_names;
    CHECK(said(list, "www.example.org", 28) == "0");
    CHECK(said(list, "www.example.org", 1) == "pass");
    CHECK(said(list, "x.a.example.org", 1) == "3");
    CHECK(said(list, "xa.example.org", 1) == "pass");
    CHECK(said(list, "example.com", 1) == "5");
}

TEST_CASE("hosts keep their zones' names unless they let them through") {
    const auto behind = [](const std::string& options) {
        return plan_of(".:53 {\n hosts /etc/hosts corp.example {\n" + options +
                       "\n }\n forward . 192.0.2.1\n}\n")
            .ports.at(0)
            .fixed.behind_names;
    };
    CHECK(said(behind(""), "no.corp.example") == "2");
    CHECK(said(behind(""), "no.corp.example", 12) == "pass");
    CHECK(said(behind(""), "www.example") == "pass");
    CHECK(said(behind("fallthrough"), "no.corp.example") == "pass");
    CHECK(said(behind("fallthrough a.corp.example"), "x.a.corp.example") == "pass");
    CHECK(said(behind("fallthrough a.corp.example"), "x.b.corp.example") == "2");
}

TEST_CASE("blocks bound to other addresses are servers of their own") {
    const Plan plan = plan_of(".:53 {\n bind 127.0.0.1\n cache 30\n}\n"
                              ".:53 {\n bind eth0\n log {\n class denial\n }\n}\n");
    REQUIRE(plan.ports.size() == 2);
    CHECK(plan.ports[0].bound);
    CHECK(plan.ports[0].server == "dns://127.0.0.1:53");
    CHECK(plan.ports[0].ttl_max.positive == 30);
    CHECK(plan.ports[1].ttl_max.positive == 0);
    CHECK(std::holds_alternative<conf::InterfacePort>(plan.ports[1].listen.at(0)));
    CHECK(plan.ports[1].log.classes ==
          static_cast<dns::server::ReplyClasses>(dns::server::ReplyClass::denial));
}

TEST_CASE("a type that does not exist is told with its place") {
    CHECK_THROWS_WITH_AS(
        static_cast<void>(plan_of(".:53 {\n template IN NOPE {\n rcode NXDOMAIN\n }\n}")),
        "Corefile:2:2: 'NOPE' is no type of records", conf::Error);
}
