#pragma once

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/lsan_interface.h>
#endif

namespace conformance {

/// While it lives, what this thread allocates may stay behind: some broken implementations are
/// broken by never letting go of a call.
class leaks_allowed {
public:
#if defined(__SANITIZE_ADDRESS__)
    leaks_allowed() { __lsan_disable(); }
    ~leaks_allowed() { __lsan_enable(); }
#else
    leaks_allowed() {}
    ~leaks_allowed() {}
#endif
    leaks_allowed(const leaks_allowed&) = delete;
    leaks_allowed& operator=(const leaks_allowed&) = delete;
};

}  // namespace conformance
