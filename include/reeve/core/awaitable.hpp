#pragma once

#include <boost/asio/awaitable.hpp>

namespace reeve {

/// The one asynchronous shape of every interface: a lazily started coroutine that yields a `T` or
/// throws. Cancelling the coroutine that waits for it makes the wait throw
/// `boost::system::system_error` (operation_aborted), unless the interface says that a cancelled
/// call reports something stronger (a commit reports errc::outcome_unknown).
template <class T>
using awaitable = boost::asio::awaitable<T>;

}  // namespace reeve
