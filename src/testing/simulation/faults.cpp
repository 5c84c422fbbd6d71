#include "reeve/testing/faults.hpp"

namespace reeve::testing {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

network_faults network_faults::chaos() noexcept {
    network_faults faults;
    faults.not_sent.ppm = 5'000;
    faults.lost.ppm = 20'000;
    faults.reply_lost.ppm = 20'000;
    faults.duplicated.ppm = 20'000;
    faults.slow.ppm = 30'000;
    faults.old.ppm = 5'000;
    faults.pause_lost.ppm = 300'000;
    return faults;
}

request_faults request_faults::chaos() noexcept {
    request_faults faults;
    faults.slow.ppm = 20'000;
    faults.unavailable.ppm = 10'000;
    faults.request_lost.ppm = 5'000;
    faults.reply_lost.ppm = 10'000;
    faults.ghost.ppm = 10'000;
    return faults;
}

metadata_faults metadata_faults::chaos() noexcept {
    metadata_faults faults;
    faults.requests = request_faults::chaos();
    faults.watch_lag = {microseconds(100), milliseconds(20)};
    faults.watch_stalled.ppm = 5'000;
    faults.watch_gap.ppm = 5'000;
    faults.watch_compacted.ppm = 2'000;
    faults.lease_early.ppm = 2'000;
    faults.lease_late.ppm = 50'000;
    return faults;
}

object_faults object_faults::chaos() noexcept {
    object_faults faults;
    faults.requests = request_faults::chaos();
    return faults;
}

stream_faults stream_faults::chaos() noexcept {
    stream_faults faults;
    faults.requests = request_faults::chaos();
    faults.lag = {microseconds(100), milliseconds(20)};
    faults.stalled.ppm = 5'000;
    faults.gap.ppm = 5'000;
    return faults;
}

}  // namespace reeve::testing
