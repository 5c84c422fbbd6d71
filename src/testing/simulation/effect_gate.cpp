#include "reeve/testing/effect_gate.hpp"

namespace reeve::testing {

std::string_view name(effect_kind kind) noexcept {
    switch (kind) {
        case effect_kind::metadata_commit:
            return "metadata_commit";
        case effect_kind::metadata_grant:
            return "metadata_grant";
        case effect_kind::metadata_keep_alive:
            return "metadata_keep_alive";
        case effect_kind::metadata_revoke:
            return "metadata_revoke";
        case effect_kind::object_write:
            return "object_write";
        case effect_kind::object_remove:
            return "object_remove";
        case effect_kind::stream_append:
            return "stream_append";
        case effect_kind::stream_trim:
            return "stream_trim";
        case effect_kind::message_send:
            return "message_send";
    }
    return "?";
}

}  // namespace reeve::testing
