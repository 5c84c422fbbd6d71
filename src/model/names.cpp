#include "reeve/model/channel.hpp"
#include "reeve/model/messages.hpp"
#include "reeve/model/node.hpp"

namespace reeve::model {

std::string_view name(channel_state state) noexcept {
    switch (state) {
        case channel_state::unassigned:
            return "unassigned";
        case channel_state::pending:
            return "pending";
        case channel_state::registered:
            return "registered";
        case channel_state::releasing:
            return "releasing";
        case channel_state::dropped:
            return "dropped";
    }
    return "?";
}

std::string_view name(drain_state state) noexcept {
    switch (state) {
        case drain_state::draining:
            return "draining";
        case drain_state::ended:
            return "ended";
    }
    return "?";
}

std::string_view name(agent_outcome outcome) noexcept {
    switch (outcome) {
        case agent_outcome::done:
            return "done";
        case agent_outcome::wrong_process:
            return "wrong_process";
        case agent_outcome::stale:
            return "stale";
        case agent_outcome::failed:
            return "failed";
    }
    return "?";
}

std::string_view name(commit_outcome outcome) noexcept {
    switch (outcome) {
        case commit_outcome::committed:
            return "committed";
        case commit_outcome::stale:
            return "stale";
        case commit_outcome::mismatch:
            return "mismatch";
        case commit_outcome::dropped:
            return "dropped";
    }
    return "?";
}

}  // namespace reeve::model
