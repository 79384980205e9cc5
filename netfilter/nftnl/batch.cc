#include "netfilter/nftnl/batch.h"

#include "netfilter/nftnl/kernel_headers.h"
#include "netfilter/ruleset/print.h"

#include <arpa/inet.h>

#include <libmnl/libmnl.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

namespace meshgate::netfilter {

namespace {

// The longest attribute (64 KiB: the elements of a set) and what goes around it. libmnl does not
// check for room.
constexpr std::size_t max_message_bytes = std::size_t{128} << 10;

}  // namespace

std::string Subject::to_string() const {
    if (rule != nullptr) return "rule '" + to_nft(*rule) + "' in chain " + std::string{name};
    std::string text{kind};
    if (!name.empty()) text += " " + std::string{name};
    return text;
}

Batch::Batch(std::optional<std::uint32_t> generation) : message_(max_message_bytes) {
    put_control(NFNL_MSG_BATCH_BEGIN, generation);
}

template <class Object, class Build>
void Batch::put(std::uint16_t type, std::uint16_t flags, Object& object, Build build,
                const Subject& subject) {
    const auto sequence = static_cast<std::uint32_t>(subjects_.size() + 1);
    auto* header = nftnl_nlmsg_build_hdr(reinterpret_cast<char*>(message_.data()), type,
                                         NFPROTO_INET, flags, sequence);
    build(header, &object);
    last_ = messages_.size();
    messages_.insert(messages_.end(), message_.begin(), message_.begin() + header->nlmsg_len);
    subjects_.push_back(subject);
}

void Batch::put_control(std::uint16_t type, std::optional<std::uint32_t> generation) {
    auto* header = mnl_nlmsg_put_header(message_.data());
    header->nlmsg_type = type;
    header->nlmsg_flags = NLM_F_REQUEST;
    header->nlmsg_seq = static_cast<std::uint32_t>(subjects_.size() + 1);
    auto* generic = static_cast<nfgenmsg*>(mnl_nlmsg_put_extra_header(header, sizeof(nfgenmsg)));
    generic->nfgen_family = AF_UNSPEC;
    generic->version = NFNETLINK_V0;
    generic->res_id = htons(NFNL_SUBSYS_NFTABLES);
    if (generation) mnl_attr_put_u32(header, NFNL_BATCH_GENID, htonl(*generation));
    messages_.insert(messages_.end(), message_.begin(), message_.begin() + header->nlmsg_len);
    subjects_.push_back({.kind = "the transaction", .name = {}});
}

void Batch::set_generation(std::uint32_t generation) {
    const auto* begin = reinterpret_cast<const nlmsghdr*>(messages_.data());
    auto* word = static_cast<nlattr*>(mnl_nlmsg_get_payload_offset(begin, sizeof(nfgenmsg)));
    const auto wanted = htonl(generation);
    std::memcpy(mnl_attr_get_payload(word), &wanted, sizeof wanted);
}

void Batch::table(Table operation, nftnl_table& table, const Subject& subject) {
    const bool create = operation == Table::create;
    put(create ? NFT_MSG_NEWTABLE : NFT_MSG_DELTABLE, create ? NLM_F_CREATE : 0, table,
        nftnl_table_nlmsg_build_payload, subject);
}

void Batch::add(nftnl_obj& object, const Subject& subject) {
    put(NFT_MSG_NEWOBJ, NLM_F_CREATE, object, nftnl_obj_nlmsg_build_payload, subject);
}

void Batch::add(nftnl_set& set, const Subject& subject) {
    put(NFT_MSG_NEWSET, NLM_F_CREATE, set, nftnl_set_nlmsg_build_payload, subject);
}

void Batch::add_elements(nftnl_set& set, const Subject& subject) {
    put_elements(NFT_MSG_NEWSETELEM, NLM_F_CREATE, set, subject);
}

void Batch::remove_elements(nftnl_set& set, const Subject& subject) {
    put_elements(NFT_MSG_DELSETELEM, 0, set, subject);
}

// The elements of a message are one attribute with a length of 16 bits. The iterator stops before
// it is full, where nftnl_set_elems_nlmsg_build_payload() goes on and loses them silently.
void Batch::put_elements(std::uint16_t type, std::uint16_t flags, nftnl_set& set,
                         const Subject& subject) {
    const auto iterator = own<NftSetElemIter>(nftnl_set_elems_iter_create(&set));
    bool more = true;
    while (more) {
        const auto build = [&more](nlmsghdr* header, nftnl_set_elems_iter* at) {
            more = nftnl_set_elems_nlmsg_build_payload_iter(header, at) != 0;
        };
        put(type, flags, *iterator, build, subject);
    }
}

void Batch::add(nftnl_chain& chain, const Subject& subject) {
    put(NFT_MSG_NEWCHAIN, NLM_F_CREATE, chain, nftnl_chain_nlmsg_build_payload, subject);
}

void Batch::append(nftnl_rule& rule, const Subject& subject) {
    put(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, rule, nftnl_rule_nlmsg_build_payload,
        subject);
}

/// A refused message is answered whatever its flags. Only the last asks for an answer in any case:
/// thousands of acknowledgements would overrun the receive buffer.
std::uint32_t Batch::ask_for_acknowledgement() {
    auto* last = reinterpret_cast<nlmsghdr*>(messages_.data() + last_);
    last->nlmsg_flags = static_cast<std::uint16_t>(last->nlmsg_flags | NLM_F_ACK);
    return last->nlmsg_seq;
}

std::optional<KernelError> Batch::run(Netlink& netlink) {
    const auto last_sequence = ask_for_acknowledgement();
    if (!std::exchange(is_ended_, true)) put_control(NFNL_MSG_BATCH_END, std::nullopt);
    return send(netlink, last_sequence);
}

std::optional<KernelError> Batch::try_out(Netlink& netlink) {
    return send(netlink, ask_for_acknowledgement());
}

std::optional<KernelError> Batch::send(Netlink& netlink, std::uint32_t last_sequence) {
    netlink.send(messages_);
    std::optional<KernelError> first_refusal;
    bool acknowledged = false;
    netlink.receive([&](const nlmsghdr& message) {
        const auto answer = parse_answer(message);
        if (!answer || answer->sequence == 0 || answer->sequence > subjects_.size()) return false;
        if (answer->error != 0 && !first_refusal) first_refusal = refusal(*answer);
        acknowledged |= answer->error == 0 && answer->sequence == last_sequence;
        return false;  // to the end: no answer may be left for the next question
    });
    if (!first_refusal && !acknowledged) return KernelError{"the transaction", EPROTO, "no answer"};
    return first_refusal;
}

KernelError Batch::refusal(const Answer& answer) const {
    return {subjects_[answer.sequence - 1].to_string(), answer.error, answer.text};
}

void wait_for_transactions(Netlink& netlink) {
    Batch nothing;
    // Before Linux 6.10 a transaction without a message has no answer either.
    static_cast<void>(nothing.run(netlink));
}

}  // namespace meshgate::netfilter
