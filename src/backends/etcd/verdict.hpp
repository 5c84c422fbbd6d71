#pragma once

#include "backends/etcd/rpc.hpp"
#include "reeve/core/error.hpp"

#include <cstdint>

namespace reeve::backends::etcd {

/// What a failed call says. The question is always: did it happen?
struct verdict {
    enum class kind : std::uint8_t {
        refused,      ///< decided: not applied, and asking again cannot help; `code` says why
        elsewhere,    ///< not applied, since this member cannot serve now; another may
        no_space,     ///< the quota; almost always not applied
        new_token,    ///< not applied; we have to prove again who we are
        answer_size,  ///< the answer was larger than we accept
        unknown,      ///< nothing can be concluded
    };
    kind what;
    errc code;
};

/// Judges a status that is not ok. Total: what is not known is `unknown`.
[[nodiscard]] verdict judge(const status& how);

/// True if no connection could be made because certificates were not accepted.
[[nodiscard]] bool is_tls_failure(const status& how);

/// The reason that a server gives for ending a single watch, as a status.
[[nodiscard]] status status_of_reason(const std::string& reason);

}  // namespace reeve::backends::etcd
