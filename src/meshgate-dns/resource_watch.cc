#include "src/meshgate-dns/resource_watch.h"

#include "conf/kuma/resource_folder.h"

#include <utility>

namespace meshgate::dnsd {

ResourceWatch::ResourceWatch(boost::asio::io_context& context, std::function<void()> changed)
    : changed_(std::move(changed)), itself_(context, [this] { look(); }),
      files_(context, [this] { look(); }) {}

void ResourceWatch::watch(const std::string& folder, std::uint64_t read) {
    folder_ = folder;
    seen_ = read;
    itself_.watch(folder);
    files_.watch(folder.empty() ? "" : folder + "/.");  // a watch is of the folder of its file
    look();
}

/// A folder that cannot be read is told once: by the reload that fails of it.
void ResourceWatch::look() {
    if (folder_.empty()) return;
    const std::uint64_t now = conf::kuma::signature_of(folder_);
    if (std::exchange(seen_, now) != now) changed_();
}

}  // namespace meshgate::dnsd
