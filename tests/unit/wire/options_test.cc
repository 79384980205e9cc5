#include "dns/wire/options.h"

#include "messages.h"

#include <doctest/doctest.h>

#include <ostream>

using namespace meshgate::dns::wire;
using namespace meshgate::test;

namespace {

const Bytes cookie = hex("000a 0008 0102030405060708"), keepalive = hex("000b 0000"),
            padding = hex("000c 0003 000000"), nsid = hex("0003 0000"),
            unknown = hex("fde9 0002 aabb");

Bytes opt_with(const Bytes& options, const char* payload_size = "1000") {
    const auto length = static_cast<std::uint8_t>(options.size());
    return hex("00 0029") + hex(payload_size) + hex("00 00 8000 00") + Bytes{length} + options;
}

Bytes ours(Bytes message) {
    Question question;
    REQUIRE(parse_question(message, question) == Parsed::question);
    REQUIRE(question.edns);
    make_opt_ours(message, *question.edns);
    return message;
}

}  // namespace

TEST_CASE("what goes upstream can take 1232 bytes, and says nothing of the way to the client") {
    const Bytes asked = with_counts(query, 0, 0, 1);
    struct Row {
        const char* what;
        const char* payload_size;
        Bytes before, after;
    };
    for (const Row& row :
         {Row{"no option", "1000", {}, {}}, Row{"a small client", "0200", {}, {}},
          Row{"a cookie", "1000", cookie, {}},
          Row{"all that are between neighbours", "1000", cookie + keepalive + padding, {}},
          Row{"others stay, in their order", "1000", nsid + cookie + unknown + padding,
              nsid + unknown},
          Row{"others alone", "1000", unknown + nsid, unknown + nsid},
          Row{"one that is cut off", "1000", nsid + hex("000a 0008 01"), nsid}}) {
        CAPTURE(row.what);
        CHECK(ours(asked + opt_with(row.before, row.payload_size)) ==
              asked + opt_with(row.after, "04d0"));
    }
}

TEST_CASE("a query that may be signed as it is goes as it is") {
    // A record behind the OPT, as a TSIG is.
    const Bytes signed_query = with_counts(query, 0, 0, 2) + opt_with(cookie) +
                               hex("00 00fa 00ff 00000000 0000");
    CHECK(ours(signed_query) == signed_query);
}

TEST_CASE("options are copied but for those between neighbours") {
    const Bytes all = padding + nsid + keepalive + unknown + cookie;
    Bytes out(all.size());
    CHECK(passed_option_bytes(all) == nsid.size() + unknown.size());
    out.resize(pass_options(all, out));
    CHECK(out == nsid + unknown);
    CHECK(passed_option_bytes({}) == 0);
}
