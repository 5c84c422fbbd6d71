#include "backends/etcd/verdict.hpp"

#include <array>
#include <string_view>

namespace reeve::backends::etcd {

namespace {

using kind = verdict::kind;

struct known_text {
    std::string_view text;  // what etcd says after "etcdserver: "
    verdict says;
};

// The server's own errors that are certain to come before a change is proposed or instead of its
// application (etcd 3.4: api/v3rpc, apply.go). Its other errors ("request timed out", "leader
// changed", "server stopped") may come after.
constexpr std::array known_texts = {
    known_text{"requested lease not found", {kind::refused, errc::lease_not_found}},
    known_text{"mvcc: required revision has been compacted", {kind::refused, errc::compacted}},
    known_text{"mvcc: required revision is a future revision", {kind::refused, errc::not_found}},
    known_text{"mvcc: database space exceeded", {kind::no_space, errc::resource_exhausted}},
    known_text{"request is too large", {kind::refused, errc::too_large}},
    known_text{"too many operations in txn request", {kind::refused, errc::too_large}},
    known_text{"duplicate key given in txn request", {kind::refused, errc::invalid_argument}},
    known_text{"key is not provided", {kind::refused, errc::invalid_argument}},
    known_text{"too large lease TTL", {kind::refused, errc::invalid_argument}},
    known_text{"too many requests", {kind::elsewhere, errc::unavailable}},
    known_text{"no leader", {kind::elsewhere, errc::unavailable}},
    known_text{"not capable", {kind::elsewhere, errc::unavailable}},
    known_text{"rpc not supported for learner", {kind::elsewhere, errc::unavailable}},
    known_text{"permission denied", {kind::refused, errc::permission_denied}},
    known_text{"authentication failed, invalid user ID or password",
               {kind::refused, errc::permission_denied}},
    known_text{"user name is empty", {kind::new_token, errc::permission_denied}},
    known_text{"invalid auth token", {kind::new_token, errc::permission_denied}},
    known_text{"revision of auth store is old", {kind::new_token, errc::permission_denied}},
    known_text{"corrupt cluster", {kind::refused, errc::corrupt}},
};

constexpr std::string_view server_says = "etcdserver: ";

bool contains(std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
}

}  // namespace

verdict judge(const status& how) {
    const std::string_view text = how.text;
    const auto begin = text.find(server_says);
    if (begin != std::string_view::npos) {
        for (const auto& each : known_texts) {
            if (text.substr(begin + server_says.size()) == each.text) return each.says;
        }
        return {kind::unknown, errc::outcome_unknown};
    }
    switch (how.code) {
        case code_unimplemented:
            return {kind::refused, errc::unsupported};
        case code_permission_denied:
        case code_unauthenticated:
            return {kind::new_token, errc::permission_denied};
        case code_unavailable:
            // gRPC for C++ had no connection to send it over.
            if (text.starts_with("failed to connect to all addresses") ||
                text.starts_with("DNS resolution failed")) {
                return {kind::elsewhere, errc::unavailable};
            }
            return {kind::unknown, errc::outcome_unknown};
        case code_data_loss:
            return {kind::refused, errc::corrupt};
        case code_resource_exhausted:
            // gRPC for C++ on what we receive, then gRPC for Go on what the server receives.
            if (contains(text, "Received message larger than max")) {
                return {kind::answer_size, errc::too_large};
            }
            if (contains(text, "received message larger than max")) {
                return {kind::refused, errc::too_large};
            }
            return {kind::unknown, errc::outcome_unknown};
        default:
            return {kind::unknown, errc::outcome_unknown};
    }
}

bool is_tls_failure(const status& how) {
    return how.code == code_unavailable &&
           (contains(how.text, "handshake failed") || contains(how.text, "CERTIFICATE_") ||
            contains(how.text, "Peer name"));
}

status status_of_reason(const std::string& reason) {
    return status{contains(reason, "permission denied") ? code_permission_denied : code_unavailable,
                  reason};
}

}  // namespace reeve::backends::etcd
