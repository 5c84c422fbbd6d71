#pragma once

#include "reeve/model/messages.hpp"

#include <string>
#include <string_view>

namespace reeve::transport {

/// Kinds of messages between nodes and coordinators.
namespace kind {
inline constexpr std::string_view assign = "channel.assign";    ///< assign_request -> agent_reply
inline constexpr std::string_view release = "channel.release";  ///< release_request -> agent_reply
inline constexpr std::string_view commit = "channel.commit";    ///< commit_request -> commit_reply
}  // namespace kind

/// Messages as sent: JSON with "v". Readers ignore fields that they do not know.
[[nodiscard]] std::string encode(const model::assign_request& it);
[[nodiscard]] std::string encode(const model::release_request& it);  ///< see above
[[nodiscard]] std::string encode(const model::agent_reply& it);      ///< see above
[[nodiscard]] std::string encode(const model::commit_request& it);   ///< see above
[[nodiscard]] std::string encode(const model::commit_reply& it);     ///< see above

/// Reads a message. Throws errc::corrupt for bytes that are not one, saying what is wrong.
void decode(std::string_view body, model::assign_request& into);
void decode(std::string_view body, model::release_request& into);  ///< see above
void decode(std::string_view body, model::agent_reply& into);      ///< see above
void decode(std::string_view body, model::commit_request& into);   ///< see above
void decode(std::string_view body, model::commit_reply& into);     ///< see above

}  // namespace reeve::transport
