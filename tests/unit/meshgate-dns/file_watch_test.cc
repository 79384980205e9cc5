#include "src/daemon/file_watch.h"

#include "src/common/asio.h"
#include "tests/unit/meshgate-dns/temporary_folder.h"

#include <doctest/doctest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <ostream>
#include <string>

using namespace meshgate;
using namespace meshgate::daemon;
using namespace meshgate::dnsd;
namespace fs = std::filesystem;

namespace {

struct Watched {
    TemporaryFolder folder;
    asio::io_context context{1};
    int changes = 0;
    FileWatch watch{context, [this] { ++changes; }};

    void write(const fs::path& path, const std::string& text) { std::ofstream{path} << text; }

    /// Waits for one change, and for those that belong to it.
    [[nodiscard]] bool sees_change() {
        const int before = changes;
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{20};
        while (changes == before && std::chrono::steady_clock::now() < end) {
            context.run_one_for(std::chrono::milliseconds{50});
        }
        return changes > before;
    }
};

}  // namespace

TEST_CASE("a file is followed when it is written, replaced, removed and made anew") {
    Watched w;
    const fs::path file = w.folder / "resolv.conf", beside = w.folder / "resolv.conf.new";
    w.write(file, "one");
    w.watch.watch(file.string());
    w.write(file, "two");
    CHECK(w.sees_change());
    w.write(beside, "three");
    CHECK(w.sees_change());  // also what happens beside it: reading it again costs nothing
    fs::rename(beside, file);
    CHECK(w.sees_change());
    fs::remove(file);
    CHECK(w.sees_change());
    w.write(file, "four");
    CHECK(w.sees_change());
}

TEST_CASE("a file is followed through its symlinks, also after they are pointed elsewhere") {
    Watched w;
    fs::create_directory(w.folder / "run");
    fs::create_directory(w.folder / "other");
    const fs::path link = w.folder / "resolv.conf", target = w.folder / "run" / "stub.conf",
                   other = w.folder / "other" / "stub.conf";
    w.write(target, "one");
    w.write(other, "one");
    fs::create_symlink("run/stub.conf", link);
    w.watch.watch(link.string());
    w.write(target, "two");
    CHECK(w.sees_change());

    fs::create_symlink(other, w.folder / "new");
    fs::rename(w.folder / "new", link);
    CHECK(w.sees_change());
    w.write(other, "three");
    CHECK(w.sees_change());
}

TEST_CASE("a file whose folder is not there yet is found when it comes") {
    Watched w;
    const fs::path file = w.folder / "late" / "resolv.conf";
    w.watch.watch(file.string());
    fs::create_directory(w.folder / "late");
    CHECK(w.sees_change());
    w.write(file, "one");
    CHECK(w.sees_change());
}

TEST_CASE("what is not watched any more is quiet") {
    Watched w;
    const fs::path file = w.folder / "resolv.conf";
    w.watch.watch("");
    w.watch.watch(file.string());
    w.watch.watch("");
    w.write(file, "one");
    w.context.run_for(std::chrono::milliseconds{300});
    CHECK(w.changes == 0);
}
