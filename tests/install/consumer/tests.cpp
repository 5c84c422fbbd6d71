#include <reeve/core/error.hpp>

int main() { return reeve::classify(reeve::errc::corrupt) == reeve::error_class::corrupt ? 0 : 1; }
