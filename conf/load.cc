#include "conf/load.h"

#include "conf/contradictions.h"
#include "conf/sections.h"

#include "src/common/errors.h"

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <system_error>

namespace meshgate::conf {
namespace {

constexpr std::size_t file_bytes_max = std::size_t{256} << 20;  // a million services, with room

std::string joined(const std::vector<Diagnostic>& diagnostics) {
    std::string text;
    for (const Diagnostic& diagnostic : diagnostics) {
        if (!text.empty()) text += '\n';
        text += diagnostic.to_string();
    }
    return text;
}

[[noreturn]] void fail(Location where, std::string message) {
    throw Error({{std::move(where), std::move(message)}});
}

void add_contradictions(const Config& config, Findings& findings) {
    for (auto& [key, diagnostic] : find_contradictions(config)) {
        if (diagnostic.where.file.empty()) diagnostic.where = findings.place_of(key);
        findings.error(std::move(diagnostic.where), std::move(diagnostic.message));
    }
}

std::string read_all(std::istream& in, const std::string& name) {
    std::string text{std::istreambuf_iterator<char>{in}, {}};
    if (in.bad()) fail({name}, "cannot be read");
    if (text.size() > file_bytes_max) fail({name}, "is larger than 256 MiB");
    return text;
}

std::string read_file(const std::string& file) {
    std::error_code error;
    if (std::filesystem::is_directory(file, error)) fail({file}, "is a directory");
    std::ifstream in{file, std::ios::binary};
    if (!in) fail({file}, std::generic_category().message(errno));
    return read_all(in, file);
}

}  // namespace

std::string Diagnostic::to_string() const {
    const std::string place = where.to_string();
    return place.empty() ? message : place + ": " + message;
}

Error::Error(std::vector<Diagnostic> diagnostics)
    : std::runtime_error(joined(diagnostics)), diagnostics_(std::move(diagnostics)) {}

Loaded parse(std::string_view text, std::string_view name) {
    toml::table table;
    try {
        table = toml::parse(text, name);
    } catch (const toml::parse_error& error) {
        const auto& at = error.source().begin;
        fail({std::string{name}, at.line, at.column}, std::string{error.description()});
    }
    Findings findings{name};
    Loaded loaded;
    read_config(table, loaded.config, findings);
    add_contradictions(loaded.config, findings);
    if (auto errors = findings.take_errors(); !errors.empty()) throw Error(std::move(errors));
    loaded.warnings = findings.take_warnings();
    loaded.given = findings.names();
    return loaded;
}

std::string read_text(const std::string& file) {
    return file == "-" ? read_all(std::cin, "standard input") : read_file(file);
}

Loaded load(const std::string& file) {
    return parse(read_text(file), file == "-" ? "standard input" : file);
}

Loaded load_or_default(const std::optional<std::string>& explicit_file) {
    if (explicit_file) return load(*explicit_file);
    std::error_code error;
    if (std::filesystem::exists(default_path, error) || error)
        return load(std::string{default_path});
    return {};
}

}  // namespace meshgate::conf
