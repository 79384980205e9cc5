// Runs a fuzz target over the files of its corpus, for builds without a fuzzing engine.
// The argument is the marker file in the corpus folder; every other file beside it is an input.
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int main(int argc, char** argv) {
    if (argc != 2) return 2;
    std::size_t inputs = 0;
    const auto folder = std::filesystem::path{argv[1]}.parent_path();
    for (const auto& entry : std::filesystem::directory_iterator{folder}) {
        if (entry.path().filename() == ".keep") continue;
        std::ifstream file{entry.path(), std::ios::binary};
        const std::vector<char> bytes{std::istreambuf_iterator<char>{file}, {}};
        LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
        ++inputs;
    }
    std::printf("%zu inputs\n", inputs);
    return inputs == 0 ? 1 : 0;  // a corpus that vanished must not pass
}
