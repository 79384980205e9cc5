// Reads a configuration: silent and 0, or what is wrong with it and 65. For schema_test.py, which
// wants the parser's word beside the schema's.
#include "conf/load.h"

#include <cstdio>

int main(int argc, char** argv) {
    if (argc != 2) return 2;
    try {
        meshgate::conf::load(argv[1]);
    } catch (const meshgate::conf::Error& error) {
        std::puts(error.what());
        return 65;
    }
    return 0;
}
