#pragma once

#include "conf/load.h"
#include "conf/words.h"

#include <toml++/toml.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// TOML nodes to typed values, strictly, with every mistake kept at its place. Seen by conf/*.cc
/// only.
namespace meshgate::conf {

/// What was found wrong so far; reading goes on after a mistake so that all are reported together.
class Findings {
public:
    explicit Findings(std::string_view file) : file_(file) {}

    void error(const toml::source_region& at, std::string message);
    void error(Location at, std::string message);
    void warning(Location at, std::string message);

    /// Where the key `name` ("redirect.dns.port") stood first; only the file when it is not there.
    void remember(std::string name, const toml::source_region& at);
    [[nodiscard]] Location place_of(const std::string& name) const;
    [[nodiscard]] std::set<std::string, std::less<>> names() const;  ///< of all that stood there

    [[nodiscard]] Location place(const toml::source_region& at) const;
    [[nodiscard]] Location place(const toml::node& node) const { return place(node.source()); }
    [[nodiscard]] std::size_t errors() const noexcept { return errors_.size(); }

    /// The errors in file order. They move out.
    std::vector<Diagnostic> take_errors();
    std::vector<Diagnostic> take_warnings();

private:
    std::string file_;
    std::map<std::string, Location> places_;
    std::vector<Diagnostic> errors_;
    std::vector<Diagnostic> warnings_;
};

/// "a whole number", "true or false", ... : the TOML type in words.
std::string_view words_for(toml::node_type type) noexcept;

/// One table: its known keys are asked for one by one, the unknown ones are errors that name the
/// nearest.
class TableReader {
public:
    TableReader(const toml::table& table, std::string_view path,
                std::span<const std::string_view> keys, Findings& findings);

    [[nodiscard]] const toml::node* find(std::string_view key) const { return table_.get(key); }
    [[nodiscard]] bool has(std::string_view key) const { return find(key) != nullptr; }
    [[nodiscard]] Location
    place(std::string_view key) const;  ///< of the value; of the table when absent
    Findings& findings() noexcept { return findings_; }

    /// Each reads one key into `to`, leaving it alone when the key is absent or wrong.
    void read(std::string_view key, bool& to);
    void read(std::string_view key, std::string& to);
    void read(std::string_view key, std::uint16_t& to);          ///< 1..65535
    void read_or_none(std::string_view key, std::uint16_t& to);  ///< 0..65535
    void read_seconds(std::string_view key, std::uint32_t& to);  ///< 0..2147483647
    void read_bytes(std::string_view key, std::uint64_t& to);

    /// One value or an array of values of the same kind; `one` gets each.
    void read_each(std::string_view key, const std::function<void(const toml::node&)>& one);

    /// A string that must be one of `words`. @return its index.
    std::optional<std::size_t> read_word(std::string_view key,
                                         std::span<const std::string_view> words);

    /// The sub-table at `key`, if it is there and one.
    const toml::table* table(std::string_view key);
    /// Each table of an array of tables.
    void read_tables(std::string_view key, const std::function<void(const toml::table&)>& one);

    /// "redirect.dns.port"
    [[nodiscard]] std::string name(std::string_view key) const;

private:
    const toml::table& table_;
    std::string path_;
    Findings& findings_;
};

/// Says that `node` is of the wrong type. @return nullopt, for the caller to return.
std::nullopt_t wrong_type(Findings& findings, const toml::node& node, std::string_view name,
                          std::string_view wanted);

std::optional<std::string> as_string(Findings& findings, const toml::node& node,
                                     std::string_view name);
std::optional<std::int64_t> as_integer(Findings& findings, const toml::node& node,
                                       std::string_view name, std::int64_t min, std::int64_t max);

}  // namespace meshgate::conf
