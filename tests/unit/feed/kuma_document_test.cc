#include "dns/feed/kuma_document.h"

#include "dns/wire/text_name.h"

#include <doctest/doctest.h>

#include <ostream>
#include <string>

using namespace meshgate;
using dns::feed::parse_kuma;

namespace {

/// "web.mesh 240.0.0.1 ::ffff:240.0.0.1; db.mesh", then the TTL and what was skipped; or the error
/// after '!'.
std::string in_words(std::string json) {
    std::string error;
    const auto document = parse_kuma(json, error);
    if (!document) return "! " + error;
    std::string words;
    for (std::size_t i = 0; i < document->hosts->size(); ++i) {
        const auto host = (*document->hosts)[i];
        words += (i > 0 ? "; " : "") + dns::wire::to_text(host.name);
        for (const auto& address : host.addresses) words += " " + address.to_string();
    }
    if (document->ttl) words += " ttl " + std::to_string(*document->ttl);
    if (document->skipped > 0) {
        words += " skipped " + std::to_string(document->skipped) + " " + document->first_skipped;
    }
    return words;
}

std::string nested(std::size_t arrays) {
    return R"({"records":[],"more":)" + std::string(arrays, '[') + std::string(arrays, ']') + "}";
}

struct Row {
    const char* what;
    std::string json;
    std::string words;
};

}  // namespace

TEST_CASE("a document of Kuma's is names with addresses") {
    const Row rows[] = {
        {"as a real one",
         R"({"records":[{"name":"client.mesh","ips":["240.0.0.1","::ffff:f000:1"]},)"
         R"({"name":"demo.mesh","ips":["240.0.0.0"]}],"ttl":30,"extraLabels":{"mesh":"default"}})",
         "client.mesh 240.0.0.1 ::ffff:240.0.0.1; demo.mesh 240.0.0.0 ttl 30"},
        {"no names", R"({"records":[]})", ""},
        {"null, as Go writes an empty slice", R"({"records":null,"ttl":null})", ""},
        {"unknown fields, however deep",
         R"({"x":{"records":7},"records":[{"a":[{}],"name":"a.mesh","ips":[],"b":1e9}],"y":-0.5})",
         "a.mesh"},
        {"a name without addresses is a name", R"({"records":[{"name":"a.mesh"}]})", "a.mesh"},
        {"case is folded", R"({"records":[{"name":"WeB.MESH","ips":["240.0.0.1"]}]})",
         "web.mesh 240.0.0.1"},
        {"a trailing dot", R"({"records":[{"name":"web.mesh.","ips":["240.0.0.1"]}]})",
         "web.mesh 240.0.0.1"},
        {"trap 49: of duplicates the last wins, in any case",
         R"({"records":[{"name":"a.mesh","ips":["240.0.0.1"]},{"name":"b.mesh","ips":[]},)"
         R"({"name":"A.mesh","ips":["240.0.0.2"]}]})",
         "a.mesh 240.0.0.2; b.mesh"},
        {"a field that comes twice counts as it came last",
         R"({"records":[{"name":"a.mesh"}],"ttl":1,"ttl":2,"records":[{"name":"x","name":"b.mesh"}]})",
         "b.mesh ttl 2"},
        {"trap 26: underscores", R"({"records":[{"name":"b_ns_svc_80.mesh","ips":["240.0.0.1"]}]})",
         "b_ns_svc_80.mesh 240.0.0.1"},
        {"trap 26: a label over 63 bytes is skipped and counted",
         R"({"records":[{"name":")" + std::string(64, 'a') + R"(.mesh"},{"name":"b.mesh"}]})",
         "b.mesh skipped 1 " + std::string(64, 'a') + ".mesh"},
        {"a name and an address that are none",
         R"({"records":[{"name":"","ips":["1"]},{"name":"a.mesh","ips":["240.0.0.1",null,"x"]}]})",
         "a.mesh 240.0.0.1 skipped 4 1"},
        {"escapes", R"({"records":[{"name":"a\u002emesh","ips":[]}]})", "a.mesh"},
        {"32 levels", nested(31), ""},
    };
    for (const Row& row : rows) {
        CAPTURE(row.what);
        CHECK(in_words(row.json) == row.words);
    }
}

TEST_CASE("of a document that is none nothing is used") {
    const Row rows[] = {
        {"nothing", "", ""},
        {"garbage", "\x16\x03\x01", ""},
        {"half", R"({"records":[{"name":"a.mesh","ips":["240.0)", ""},
        {"more behind it", R"({"records":[]}{"records":[]})", ""},
        {"no UTF-8", "{\"records\":[{\"name\":\"\xff\"}]}", ""},
        {"too deep", nested(32), ""},
        {"a comma too many", R"({"records":[{"name":"a.mesh"},]})", ""},
        {"no JSON in a field that we pass over", R"({"records":[],"x":nul})", ""},
        {"an array", "[]", "the document is not an object"},
        {"no records", R"({"ttl":30})", "it has no 'records'"},
        {"records in an object", R"({"records":{}})", "'records' is not an array"},
        {"a record that is none", R"({"records":["a.mesh"]})", "a record is not an object"},
        {"a name that is a number", R"({"records":[{"name":1}]})", "a 'name' is not a string"},
        {"an address that is a number", R"({"records":[{"name":"a","ips":[1]}]})",
         "an address is not a string"},
        {"addresses that are a word", R"({"records":[{"name":"a","ips":"240.0.0.1"}]})",
         "an 'ips' is not an array"},
        {"a negative TTL", R"({"records":[],"ttl":-1})",
         "'ttl' is not a number of seconds up to 2147483647"},
        {"a TTL beyond 31 bits", R"({"records":[],"ttl":2147483648})",
         "'ttl' is not a number of seconds up to 2147483647"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.what);
        const std::string words = in_words(row.json);
        CHECK(words.starts_with("! "));
        CHECK(words.ends_with(row.words));
    }
}

TEST_CASE("a hundred thousand names, and not a million and one") {
    const auto document_of = [](std::size_t names) {
        std::string json = R"({"records":[)";
        for (std::size_t i = 0; i < names; ++i) {
            json += (i > 0 ? ",{\"name\":\"n" : "{\"name\":\"n") + std::to_string(i) + "\"}";
        }
        return json + "]}";
    };
    std::string error, json = document_of(100'000);
    const auto document = parse_kuma(json, error);
    REQUIRE(document);
    CHECK(document->hosts->size() == 100'000);
    CHECK(in_words(document_of(dns::feed::names_max + 1)) == "! more than 1,000,000 names");
}

TEST_CASE("64 addresses of a name are kept") {
    std::string json = R"({"records":[{"name":"a","ips":["240.0.0.1")";
    for (int i = 0; i < 99; ++i) json += R"(,"240.0.0.1")";
    json += "]}]}";
    std::string error;
    const auto document = parse_kuma(json, error);
    REQUIRE(document);
    CHECK((*document->hosts)[0].addresses.size() == dns::feed::addresses_of_name_max);
    CHECK(document->skipped == 36);
}
