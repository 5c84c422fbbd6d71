#include "backends/files/failure.hpp"

#include "reeve/core/error.hpp"

#include <cerrno>

namespace reeve::backends::files {

namespace {

errc code_of(int number) {
    switch (number) {
        case ENOSPC:
        case EDQUOT:
        case EFBIG:
        case ENOMEM:
        case EMFILE:
        case ENFILE:
        case EMLINK:
            return errc::resource_exhausted;
        case EACCES:
        case EPERM:
        case EROFS:
            return errc::permission_denied;
        case ELOOP:
        case ENOTDIR:
        case EISDIR:
        case ENXIO:
        case EXDEV:
            return errc::foreign;  // something stands where only the store's files should be
        case ENAMETOOLONG:
            return errc::invalid_argument;
        default:
            return errc::unavailable;
    }
}

}  // namespace

void rethrow(const std::system_error& failure, effect what, const std::string& context) {
    if (const auto* own = dynamic_cast<const error*>(&failure)) throw error(*own);
    const int number = failure.code().value();
    const auto text = context + ": " + failure.what();
    const bool definite = code_of(number) != errc::unavailable || number == ENOENT;
    if (what == effect::done || (what == effect::perhaps && !definite)) {
        throw error(errc::outcome_unknown, text);
    }
    throw error(code_of(number), text);
}

}  // namespace reeve::backends::files
