#include "netfilter/iptables/replacement.h"

#include <algorithm>
#include <map>
#include <ranges>

namespace meshgate::netfilter {
namespace {

const TableWords& part_of(const std::vector<TableWords>& words, std::string_view table) {
    static const TableWords nothing;
    const auto found = std::ranges::find(words, table, &TableWords::table);
    return found == words.end() ? nothing : *found;
}

bool is_empty(const TableWords& words) {
    return words.chains.empty() && words.jumps.empty();
}

std::string jump_lines(const std::vector<JumpWords>& jumps) {
    std::string lines;
    std::map<std::string, int> inserted;
    for (const JumpWords& jump : jumps) {
        lines += jump.first ? "-I " + jump.chain + " " + std::to_string(++inserted[jump.chain])
                            : "-A " + jump.chain;
        lines += " " + jump.spec + "\n";
    }
    return lines;
}

// A chain that is declared is emptied if it is there (iptables-restore.c), so what it held needs no
// word. One that is jumped to cannot be removed: all are emptied before.
std::string table_text(std::string_view table, const TableWords& before, const TableWords& after) {
    std::string text = "*" + std::string{table} + "\n";
    for (const auto& chain : after.chains) text += ":" + chain + " - [0:0]\n";
    for (const auto& jump : before.jumps) text += "-D " + jump.chain + " " + jump.spec + "\n";
    std::vector<std::string> gone;
    std::ranges::copy_if(before.chains, std::back_inserter(gone), [&after](const auto& chain) {
        return std::ranges::find(after.chains, chain) == after.chains.end();
    });
    for (const auto& chain : gone) text += "-F " + chain + "\n";
    for (const auto& chain : gone) text += "-X " + chain + "\n";
    for (const auto& rule : after.rules) text += rule + "\n";
    return text + jump_lines(after.jumps) + "COMMIT\n";
}

}  // namespace

std::string replacement_text(const std::vector<TableWords>& before,
                             const std::vector<TableWords>& after) {
    std::string text;
    const auto add = [&](std::string_view table) {
        const TableWords& old = part_of(before, table);
        const TableWords& wanted = part_of(after, table);
        if (is_empty(old) && is_empty(wanted)) return;
        text += table_text(table, old, wanted);
    };
    if (after.empty()) {
        std::ranges::for_each(std::views::reverse(iptables_tables), add);
    } else {
        std::ranges::for_each(iptables_tables, add);
    }
    return text;
}

std::string with_counts(std::string_view text, const Counters& counted) {
    auto left = counted;
    std::string lines;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        const auto line = text.substr(0, end);
        const auto is_of_line = [line](const CounterValue& one) {
            const auto start = "--comment \"" + one.name + std::string{cause_separator};
            return line.starts_with("-A ") && line.find(start) != line.npos;
        };
        if (const auto one = std::ranges::find_if(left, is_of_line); one != left.end()) {
            lines += "[" + std::to_string(one->packets) + ":" + std::to_string(one->bytes) + "] ";
            left.erase(one);
        }
        lines.append(line) += '\n';
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return lines;
}

}  // namespace meshgate::netfilter
