#include "dns/records/query.h"

#include "dns/records/type_word.h"
#include "src/common/c_handle.h"

#include <ldns/ldns.h>
#include <sys/random.h>

#include <array>
#include <cstdlib>
#include <stdexcept>

namespace meshgate::dns::records {
namespace {

using Packet = CHandle<ldns_pkt, ldns_pkt_free>;
using Name = CHandle<ldns_rdf, ldns_rdf_deep_free>;
using Text = CHandle<char, std::free>;
using Bytes = CHandle<std::uint8_t, std::free>;

constexpr std::uint16_t payload_bytes = 1232;  // DNS flag day 2020

std::uint16_t random_id() {
    std::uint16_t id = 0;
    if (::getrandom(&id, sizeof id, 0) != sizeof id) throw std::runtime_error("getrandom failed");
    return id;
}

/// The fields of a record's data, separated by spaces.
std::string value_of(const ldns_rr* record) {
    std::string out;
    for (std::size_t i = 0; i < ldns_rr_rd_count(record); ++i) {
        const Text field{ldns_rdf2str(ldns_rr_rdf(record, i))};
        if (i > 0) out += ' ';
        if (field) out += field.get();
    }
    return out;
}

std::string rcode_of(const ldns_pkt* packet) {
    const unsigned code = static_cast<unsigned>(ldns_pkt_get_rcode(packet)) |
                          static_cast<unsigned>(ldns_pkt_edns_extended_rcode(packet)) << 4U;
    const Text word{ldns_pkt_rcode2str(static_cast<ldns_pkt_rcode>(code))};
    if (code > 15 || !word) return "RCODE" + std::to_string(code);
    return word.get();
}

/// RFC 8914 section 2: two bytes of code, then UTF-8 text.
std::vector<std::string> extended_errors(ldns_pkt* packet) {
    std::vector<std::string> out;
    if (!ldns_pkt_edns(packet)) return out;
    const ldns_edns_option_list* options = ldns_pkt_edns_get_option_list(packet);
    for (std::size_t i = 0; i < ldns_edns_option_list_get_count(options); ++i) {
        const ldns_edns_option* option = ldns_edns_option_list_get_option(options, i);
        const std::size_t size = ldns_edns_get_size(option);
        if (ldns_edns_get_code(option) != LDNS_EDNS_EDE || size < 2) continue;
        const std::uint8_t* data = ldns_edns_get_data(option);
        std::string text = "extended error " + std::to_string(data[0] << 8U | data[1]);
        if (size > 2) text += ": " + std::string(reinterpret_cast<const char*>(data + 2), size - 2);
        out.push_back(std::move(text));
    }
    return out;
}

}  // namespace

std::vector<std::uint8_t> make_query(std::string_view name, std::string_view type) {
    const auto number = parse_type(type);
    if (!number) throw std::runtime_error("'" + std::string{type} + "' is no record type");
    Name owner{ldns_dname_new_frm_str(std::string{name}.c_str())};
    if (!owner) throw std::runtime_error("'" + std::string{name} + "' is no name");
    Packet packet{ldns_pkt_query_new(owner.release(), static_cast<ldns_rr_type>(*number), LDNS_RR_CLASS_IN, LDNS_RD)};
    if (!packet) throw std::runtime_error("no memory for a query");
    ldns_pkt_set_id(packet.get(), random_id());
    ldns_pkt_set_edns_udp_size(packet.get(), payload_bytes);

    std::uint8_t* wire = nullptr;
    std::size_t size = 0;
    const ldns_status status = ldns_pkt2wire(&wire, packet.get(), &size);
    const Bytes owned{wire};
    if (status != LDNS_STATUS_OK) throw std::runtime_error(ldns_get_errorstr_by_id(status));
    return {wire, wire + size};
}

ReplyText read_reply(std::span<const std::uint8_t> reply) {
    ldns_pkt* parsed = nullptr;
    const ldns_status status = ldns_wire2pkt(&parsed, reply.data(), reply.size());
    const Packet packet{parsed};
    if (status != LDNS_STATUS_OK || !packet) {
        throw std::runtime_error(std::string{"the answer is no DNS message: "} +
                                 ldns_get_errorstr_by_id(status));
    }
    ReplyText out;
    out.rcode = rcode_of(packet.get());
    out.extended_errors = extended_errors(packet.get());
    const ldns_rr_list* answer = ldns_pkt_answer(packet.get());
    for (std::size_t i = 0; i < ldns_rr_list_rr_count(answer); ++i) {
        out.values.push_back(value_of(ldns_rr_list_rr(answer, i)));
    }
    return out;
}

}  // namespace meshgate::dns::records
