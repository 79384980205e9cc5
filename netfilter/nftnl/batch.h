#pragma once

#include "netfilter/nftnl/handles.h"
#include "netfilter/nftnl/kernel.h"
#include "netfilter/nftnl/netlink.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace meshgate::netfilter {

/// What a message is about, to name it when the kernel refuses it. Points into the ruleset that the
/// message was made of.
struct Subject {
    std::string_view kind;  ///< "table inet", "set", "chain", "rule"
    std::string_view name;  ///< of a rule: its chain
    const Rule* rule = nullptr;

    [[nodiscard]] std::string to_string() const;  ///< "rule 'tcp dport 22 return' in chain output"
};

/// One nf_tables transaction: all of its messages are accepted together, or none. Grows as needed;
/// a message that the kernel refuses is named by its subject.
class Batch {
public:
    enum class Table { create, remove };

    /// @param generation  of the ruleset that the transaction is meant for; when it is another one
    ///                    by then, the kernel refuses with ERESTART (NFNL_BATCH_GENID)
    explicit Batch(std::optional<std::uint32_t> generation = std::nullopt);
    /// It is meant for another one now. @pre it was made for one
    void set_generation(std::uint32_t generation);
    void table(Table operation, nftnl_table& table, const Subject& subject);
    void add(nftnl_obj& object, const Subject& subject);
    void add(nftnl_set& set, const Subject& subject);
    /// In as many messages as they need.
    void add_elements(nftnl_set& set, const Subject& subject);
    void remove_elements(nftnl_set& set, const Subject& subject);
    void add(nftnl_chain& chain, const Subject& subject);
    void append(nftnl_rule& rule, const Subject& subject);

    /// Sends the transaction and reads the outcome; when it was refused, it may be sent again.
    /// @return the first refusal.
    /// @throws std::system_error when the socket fails.
    [[nodiscard]] std::optional<KernelError> run(Netlink& netlink);
    /// The same without its end, as `nft --check` does it: the kernel looks at each message for
    /// itself, and takes all back.
    [[nodiscard]] std::optional<KernelError> try_out(Netlink& netlink);

private:
    template <class Object, class Build>
    void put(std::uint16_t type, std::uint16_t flags, Object& object, Build build,
             const Subject& subject);
    void put_elements(std::uint16_t type, std::uint16_t flags, nftnl_set& set,
                      const Subject& subject);
    void put_control(std::uint16_t type, std::optional<std::uint32_t> generation);
    std::uint32_t ask_for_acknowledgement();
    std::optional<KernelError> send(Netlink& netlink, std::uint32_t last_sequence);
    [[nodiscard]] KernelError refusal(const Answer& answer) const;

    std::vector<std::byte> message_;   ///< the message in the making: as large as one can be
    std::vector<std::byte> messages_;  ///< the datagram
    std::vector<Subject> subjects_;    ///< of the message with sequence number index + 1
    std::size_t last_ = 0;             ///< offset of the last message
    bool is_ended_ = false;
};

/// Returns when every transaction that began before has ended, and was told of: one without a message
/// takes its turn, and changes nothing.
/// @throws std::system_error when the socket fails.
void wait_for_transactions(Netlink& netlink);

}  // namespace meshgate::netfilter
