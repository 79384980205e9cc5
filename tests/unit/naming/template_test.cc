#include "dns/naming/template.h"

#include <ostream>
#include <string>

#include <doctest/doctest.h>

using namespace meshgate::dns::naming;

namespace {

/// What it makes over VirtualOutbound's map, or "! 1:3: why".
std::string over_map(const std::string& text) {
    TemplateData data;
    data.fields = {{"service", "backend"}, {"v", "v1"},   {"port", "80"},
                   {"offset", "81"},       {"empty", ""}, {"odd", "a b<'&\""}};
    try {
        return Template::parse(text, false).execute(data);
    } catch (const TemplateError& error) {
        return std::string{"! "} + error.what();
    }
}

/// What it makes over HostnameGenerator's fields and its function `label`.
std::string over_record(const std::string& text) {
    TemplateData data;
    data.is_record = true;
    data.fields = {{"Name", "web-7df"},
                   {"DisplayName", "web"},
                   {"Namespace", "shop"},
                   {"Mesh", "default"},
                   {"Zone", "east"}};
    data.labels = {{"kuma.io/zone", "east"}, {"a.b/c-d", "label value"}};
    try {
        return Template::parse(text, true).execute(data);
    } catch (const TemplateError& error) {
        return std::string{"! "} + error.what();
    }
}

struct Row {
    const char* text;
    const char* made;
};

}  // namespace

TEST_CASE("the templates of Kuma's documents and tests") {
    const Row rows[] = {
        {"{{.service}}.mesh", "backend.mesh"},
        {"{{.service}}.{{.v}}.mesh", "backend.v1.mesh"},
        {"inst-{{.v}}.{{.service}}.mesh", "inst-v1.backend.mesh"},
        {"{{.port}}{{.offset}}", "8081"},
        {"80000", "80000"},
        {"foo()bar", "foo()bar"},
        {"{{.absent}}.mesh", "<no value>.mesh"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.text);
        CHECK(over_map(row.text) == row.made);
    }
    CHECK(over_record("{{ .DisplayName }}.svc.{{ .Zone }}.mesh.local") ==
          "web.svc.east.mesh.local");
    CHECK(over_record("{{ label \"kuma.io/zone\" }}.{{ .Name }}.{{ .Namespace }}.{{ .Mesh }}") ==
          "east.web-7df.shop.default");
}

TEST_CASE("what Go's text/template makes of it, we make") {
    const Row rows[] = {
        // each was run through Go 1.26
        {"a {{- .v -}} b", "av1b"},
        {"a{{/* no */}}b", "ab"},
        {"a {{- /* no */ -}} b", "ab"},
        {"{{if .v}}x{{else}}y{{end}}", "x"},
        {"{{if .empty}}x{{else if .absent}}y{{else}}z{{end}}", "z"},
        {"{{with .v}}{{.}}-{{$.service}}{{end}}", "v1-backend"},
        {"{{with .absent}}x{{else}}{{.service}}{{end}}", "backend"},
        {"{{$x := .v}}{{if true}}{{$x = \"w\"}}{{end}}{{$x}}", "w"},
        {"{{$x := .v}}{{if true}}{{$x := \"w\"}}{{end}}{{$x}}", "v1"},
        {"{{eq .v \"v1\"}} {{eq .v \"a\" \"v1\"}} {{ne .v \"v1\"}}", "true true false"},
        {"{{eq .absent \"x\"}} {{eq .absent .absent}}", "false true"},
        {"{{lt 1 2}} {{le 2 2}} {{gt \"b\" \"a\"}} {{ge 1 2}}", "true true true false"},
        {"{{and .v .empty .absent}}|{{or .empty .v}}|{{or .absent}}", "|v1|<no value>"},
        {"{{not .empty}} {{not 1}}", "true false"},
        {"{{len .service}} {{index .service 0}} {{index . \"v\"}} {{index . \"none\"}}|",
         "7 98 v1 |"},
        {"{{slice .service 1 4}} {{slice .service 4}} {{slice .service}}", "ack end backend"},
        {"{{print 1 2 \"a\" 3 true false}}|{{println \"a\" 1}}|", "1 2a3 true false|a 1\n|"},
        {"{{print .absent}}|{{html .absent 1}}", "<nil>|&lt;no value&gt;1"},
        {"{{printf \"%s-%d\" .v 7}}{{.v | printf \"%4s|%-4s|\" .v}}", "v1-7  v1|v1  |"},
        {"{{printf \"%05d %+d %x %X %#x %o %b %c %t %+v%%\" 42 7 255 255 255 8 5 65 true 3}}",
         "00042 +7 ff FF 0xff 10 101 A true 3%"},
        {"{{printf \"%.2s %x %5.1s|\" .service .v .v}}", "ba 7631     v|"},
        {"{{html .odd}} {{js .odd}} {{urlquery .odd}}",
         "a b&lt;&#39;&amp;&#34; a b\\u003C\\'\\u0026\\\" a+b%3C%27%26%22"},
        {"{{(.v)}} {{(print .v 1) | len}} {{len (print \"a\" \"b\")}}", "v1 3 2"},
        {"{{1_000}} {{0x1F}} {{0b101}} {{0o17}} {{017}} {{'a'}} {{-3}}", "1000 31 5 15 15 97 -3"},
        {"{{\"a\\tb\\x41\\u00e9\\101\"}}{{`raw\\n`}}", "a\tbA\xC3\xA9"
                                                       "Araw\\n"},
        {"{{.absent.more}}", "<no value>"},
        {"{{with $x := .v}}{{$x}}{{else}}n{{end}}", "v1"},
        {"{{ .v | print | printf \"%s%s\" \"a\" }}", "av1"},
        {"}}{ {{\"{{\"}}", "}}{ {{"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.text);
        CHECK(over_map(row.text) == row.made);
    }
}

TEST_CASE("what is no template says where and why") {
    const Row rows[] = {
        {"{{.v", "! 1:5: the action has no '}}'"},
        {"a\n {{.v]}}", "! 2:6: ']' cannot stand here"},
        {"{{}}", "! 1:3: has no value"},
        {"{{.v 1}}", "! 1:6: only a function has arguments"},
        {"{{1 | 2}}", "! 1:7: only a function can follow '|'"},
        {"{{range .v}}{{end}}", "! 1:8: {{range}} is no part of a name's template"},
        {"{{define \"a\"}}{{end}}", "! 1:9: {{define}} is no part of a name's template"},
        {"{{lower .v}}", "! 1:3: there is no function 'lower'"},
        {"{{label \"a\"}}", "! 1:3: there is no function 'label'"},
        {"{{$x}}", "! 1:3: there is no variable '$x'"},
        {"{{if .v}}{{$x := 1}}{{else}}{{$x}}{{end}}", "! 1:31: there is no variable '$x'"},
        {"{{if .v}}", "! 1:5: has no {{end}}"},
        {"{{end}}", "! 1:1: {{end}} without {{if}} or {{with}}"},
        {"{{if 1}}{{else}}{{else}}{{end}}", "! 1:5: has two {{else}}"},
        {"{{if 1}}{{else with 1}}{{end}}", "! 1:5: has an {{else with}}"},
        {"{{with 1}}{{else if 1}}{{end}}", "! 1:7: has an {{else if}}"},
        {"{{\"a", "! 1:3: the string has no end"},
        {"{{1.5}}", "! 1:3: '1.5' is no whole number"},
        {"{{(.v}}", "! 1:6: ')' is missing"},
        {"{{/* a }}", "! 1:1: the comment has no end"},
        {"{{nil}}", "! 1:3: nil is no value to print"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.text);
        CHECK(over_map(row.text) == row.made);
    }
}

TEST_CASE("what Go refuses when it executes, we refuse") {
    const Row rows[] = {
        {"{{eq 1 \"a\"}}", "! 1:3: cannot compare a number with a string"},
        {"{{eq .v}}", "! 1:3: has 1 arguments"},
        {"{{lt .absent 1}}", "! 1:3: cannot order nothing"},
        {"{{index .v 9}}", "! 1:3: index 9 is out of range"},
        {"{{slice .v 3}}", "! 1:3: index 3 is out of range"},
        {"{{len 3}}", "! 1:3: has no length: it is a number"},
        {"{{.v.more}}", "! 1:3: can't evaluate field more"},
        {"{{call .v}}", "! 1:3: there is nothing to call"},
        {"{{printf \"%d\" .v}}", "! 1:3: printf: %d of a string"},
        {"{{printf \"%s\"}}", "! 1:3: printf has fewer arguments than verbs"},
        {"{{.}}", "! 1:3: the whole data is no part of a name"},
        {"{{or true ($x := 1)}}{{$x}}", "! 1:24: there is no variable '$x'"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.text);
        CHECK(over_map(row.text) == row.made);
    }
    CHECK(over_record("{{.Nope}}") == "! 1:3: there is no field .Nope");
    CHECK(over_record("{{label \"none\"}}") == "! 1:3: label none not found");
    CHECK(over_record("{{label .Name .Zone}}") == "! 1:3: has 2 arguments");
}

TEST_CASE("a template ends, however it is written") {
    CHECK(over_map(std::string(5000, 'a')) == "! 1:1: is longer than 4096 bytes");
    CHECK(over_map(std::string(1500, '(').insert(0, "{{")).starts_with("! "));
    std::string doubled = "{{$x := \"aaaaaaaa\"}}";
    for (int i = 0; i < 60; ++i) doubled += "{{$x = print $x $x}}";
    CHECK(over_map(doubled).ends_with("makes more than 4096 bytes"));
    CHECK(
        over_map("{{printf \"%9999d\" 1}}").ends_with("a width or precision over 1000 in printf"));
    std::string nested;
    for (int i = 0; i < 100; ++i) nested += "{{if 1}}";
    CHECK(over_map(nested).ends_with("is nested too deeply"));
    std::string chain = "{{if .empty}}";
    for (int i = 0; i < 100; ++i) chain += "{{else if .empty}}";
    CHECK(over_map(chain + "{{end}}").ends_with("is nested too deeply"));
}
