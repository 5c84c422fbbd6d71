#pragma once

#include "reeve/model/messages.hpp"
#include "reeve/model/segment_messages.hpp"

#include <string>
#include <string_view>

namespace reeve::transport {

/// Kinds of messages between nodes and coordinators.
namespace kind {
inline constexpr std::string_view assign = "channel.assign";    ///< assign_request -> agent_reply
inline constexpr std::string_view release = "channel.release";  ///< release_request -> agent_reply
inline constexpr std::string_view commit = "channel.commit";    ///< commit_request -> commit_reply
inline constexpr std::string_view allocate =
    "segment.allocate";  ///< allocate_request -> allocate_reply
inline constexpr std::string_view timestamp =
    "timestamp.next";                                     ///< timestamp_request -> timestamp_reply
inline constexpr std::string_view tick = "segment.tick";  ///< tick_request -> tick_reply
inline constexpr std::string_view flush = "segment.flush";  ///< flush_request -> commit_reply
inline constexpr std::string_view segments =
    "segment.list";  ///< segments_request -> segments_reply
inline constexpr std::string_view channel_drop =
    "channel.drop";  ///< channel_drop_request -> commit_reply
}  // namespace kind

/// Messages as sent: JSON with "v". Readers ignore fields that they do not know.
[[nodiscard]] std::string encode(const model::assign_request& it);
[[nodiscard]] std::string encode(const model::release_request& it);       ///< see above
[[nodiscard]] std::string encode(const model::agent_reply& it);           ///< see above
[[nodiscard]] std::string encode(const model::commit_request& it);        ///< see above
[[nodiscard]] std::string encode(const model::commit_reply& it);          ///< see above
[[nodiscard]] std::string encode(const model::allocate_request& it);      ///< see above
[[nodiscard]] std::string encode(const model::allocate_reply& it);        ///< see above
[[nodiscard]] std::string encode(const model::timestamp_request& it);     ///< see above
[[nodiscard]] std::string encode(const model::timestamp_reply& it);       ///< see above
[[nodiscard]] std::string encode(const model::tick_request& it);          ///< see above
[[nodiscard]] std::string encode(const model::tick_reply& it);            ///< see above
[[nodiscard]] std::string encode(const model::flush_request& it);         ///< see above
[[nodiscard]] std::string encode(const model::channel_drop_request& it);  ///< see above
[[nodiscard]] std::string encode(const model::segments_request& it);      ///< see above
[[nodiscard]] std::string encode(const model::segments_reply& it);        ///< see above

/// Reads a message. Throws errc::corrupt for bytes that are not one, saying what is wrong. What is
/// read may still be refused by whom it is meant for.
void decode(std::string_view body, model::assign_request& into);
void decode(std::string_view body, model::release_request& into);       ///< see above
void decode(std::string_view body, model::agent_reply& into);           ///< see above
void decode(std::string_view body, model::commit_request& into);        ///< see above
void decode(std::string_view body, model::commit_reply& into);          ///< see above
void decode(std::string_view body, model::allocate_request& into);      ///< see above
void decode(std::string_view body, model::allocate_reply& into);        ///< see above
void decode(std::string_view body, model::timestamp_request& into);     ///< see above
void decode(std::string_view body, model::timestamp_reply& into);       ///< see above
void decode(std::string_view body, model::tick_request& into);          ///< see above
void decode(std::string_view body, model::tick_reply& into);            ///< see above
void decode(std::string_view body, model::flush_request& into);         ///< see above
void decode(std::string_view body, model::channel_drop_request& into);  ///< see above
void decode(std::string_view body, model::segments_request& into);      ///< see above
void decode(std::string_view body, model::segments_reply& into);        ///< see above

}  // namespace reeve::transport
