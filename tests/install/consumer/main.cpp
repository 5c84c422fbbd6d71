#include <reeve/core/error.hpp>

#include <iostream>

int main() {
    const reeve::error failure(reeve::errc::fenced, "consumer: a term that has ended");
    std::cout << failure.what() << '\n';
    return failure.kind() == reeve::error_class::fenced ? 0 : 1;
}
