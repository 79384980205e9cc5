#include "dns/records/records.h"

#include "conf/load.h"
#include "dns/wire/text_name.h"
#include "src/common/c_handle.h"

#include <ldns/ldns.h>

#include <array>
#include <cstdlib>

namespace meshgate::dns::records {
namespace {

using Rr = CHandle<ldns_rr, ldns_rr_free>;
using Text = CHandle<char, std::free>;

[[noreturn]] void fail(const conf::Record& record, const std::string& why) {
    throw conf::Error({{record.where, "record '" + record.name + "': " + why}});
}

/// What stands for a question, a transfer or a message's own data is no record (RFC 6895
/// section 3.1: 0 and 128..255; OPT).
bool is_meta_type(unsigned type) {
    return type == 0 || type == 41 || (type >= 128 && type <= 255);
}

/// What this table makes itself, or would have to follow for names that it does not hold.
void check_type(const conf::Record& record, ldns_rr_type type) {
    if (is_meta_type(type)) fail(record, "'" + record.type + "' is no type of a record");
    if (type == LDNS_RR_TYPE_SOA) {
        fail(record, "an SOA cannot be given: each domain of 'mesh.domains' has one already");
    }
    if (type == LDNS_RR_TYPE_DNAME) {
        fail(record, "a DNAME would rename every name below it, which is not done here: give each "
                     "of them a CNAME");
    }
}

/// Zone-file syntax that would end the value, or go on in the next line.
void check_line(const conf::Record& record) {
    bool quoted = false;
    for (std::size_t i = 0; i < record.value.size(); ++i) {
        const char c = record.value[i];
        if (c == '\n' || c == '\r' || c == '\0') fail(record, "the value must be one line");
        if (c == '\\') ++i;
        if (c == '"') quoted = !quoted;
        if (!quoted && (c == ';' || c == '(' || c == ')')) {
            fail(record, std::string{"'"} + c + "' has a meaning of its own in zone files: put \"" +
                             "quotes\" around the text, within the quotes of TOML");
        }
    }
}

Rr parse(const conf::Record& record, ldns_rr_type type, std::uint32_t ttl) {
    check_type(record, type);
    check_line(record);
    const std::string line =
        record.name + ". " + std::to_string(ttl) + " IN " + record.type + " " + record.value;
    ldns_rr* rr = nullptr;
    const ldns_status status = ldns_rr_new_frm_str(&rr, line.c_str(), ttl, nullptr, nullptr);
    Rr owned{rr};
    if (status != LDNS_STATUS_OK || !owned) {
        fail(record, "'" + record.value + "' is no value of type " + record.type + " (" +
                         ldns_get_errorstr_by_id(status) + ")");
    }
    return owned;
}

void set_address(const conf::Record& record, zone::WireRecord& out) {
    const bool ipv4 = out.type == LDNS_RR_TYPE_A;
    const auto address = conf::IpAddress::parse(record.value);
    if (!address || (address->family() == conf::Family::ipv4) != ipv4) {
        fail(record, "'" + record.value + "' is not an IPv" + (ipv4 ? "4" : "6") + " address");
    }
    out.rdata.assign(address->bytes().begin(), address->bytes().end());
    out.text = address->to_string();
}

std::vector<std::uint8_t> rdata_of(const conf::Record& record, const ldns_rr& rr) {
    std::vector<std::uint8_t> rdata;
    for (std::size_t i = 0; i < ldns_rr_rd_count(&rr); ++i) {
        const ldns_rdf* field = ldns_rr_rdf(&rr, i);
        const auto* bytes = ldns_rdf_data(field);
        rdata.insert(rdata.end(), bytes, bytes + ldns_rdf_size(field));
    }
    if (rdata.size() > 65535 - 512) fail(record, "the value is too long for a message");
    return rdata;
}

std::string text_of(const ldns_rr& rr) {
    std::string text;
    for (std::size_t i = 0; i < ldns_rr_rd_count(&rr); ++i) {
        const Text field{ldns_rdf2str(ldns_rr_rdf(&rr, i))};
        if (!field) continue;
        if (!text.empty()) text += ' ';
        text += field.get();
    }
    return text;
}

}  // namespace

zone::WireRecord to_wire(const conf::Record& record, std::uint32_t default_ttl) {
    zone::WireRecord out;
    out.owner = wire::to_wire(record.name);
    if (out.owner.size() < 2) fail(record, "is no domain name");
    out.ttl = record.ttl.value_or(default_ttl);
    out.where = record.where;
    const ldns_rr_type type = ldns_get_rr_type_by_name(record.type.c_str());
    out.type = static_cast<std::uint16_t>(type);
    // Nearly all records of a big file, and ldns takes ten times as long.
    if (type == LDNS_RR_TYPE_A || type == LDNS_RR_TYPE_AAAA) {
        set_address(record, out);
        return out;
    }
    const Rr rr = parse(record, type, out.ttl);
    out.rdata = rdata_of(record, *rr);
    out.text = text_of(*rr);
    return out;
}

}  // namespace meshgate::dns::records
