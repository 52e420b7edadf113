// The host's transport: whether what is under way belongs to the place where the music goes on.
//
//     fed      A A A A A A│B B B B B B      the host jumps from A to B
//     played   . . A A A A│. . B B B B      `latency` later: silence for the last frames of A
//
// After a jump a host that compensates delay feeds the new place, and expects it `latency` later. The end of the old
// place would sound in the new one, beside tracks that have gone on already; the mix of the new place cannot stand in
// for it, as its first frame is due only then. So every output is silent until then.
//
// Two things look like a jump and are none. At the end of a loop, which goes back to its beginning, nothing is cut: its
// last frames are still to be heard, while compensation holds all other tracks back by as much; silence there would
// be a hole in every round. And what was fed while the transport stood was of no place: an input that is played
// through, or the host's lead-in to the place where it will start; it is played.
//
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

namespace restem {

// Where the host says that it is; all in frames.
struct Place {
    bool known = false, rolls = false;
    bool loops_known = false;    // else going back while rolling counts as one
    double frame = 0;            // on the host's timeline
    double into_loop = 0;        // since the loop's beginning; of a loop alone, as what follows
    double to_loop_end = 0;
    bool has_loop = false;
};

class Transport {
public:
    void reset() { *this = Transport(); }

    // Takes the host's place at the next frame of the mix, after `fed` of them.
    //
    // Answers whether what is under way, frames that were fed less than `latency` ago, is of another place. Positions
    // of hosts are rounded, late by a block, or run at another speed: less than `tolerance` is no jump.
    bool moves(const Place& next, std::int64_t fed, int latency, int tolerance) {
        const bool sounds = fed - rolled_until_ < latency;
        const bool jumps = place_.known && next.known && std::fabs(next.frame - place_.frame) > tolerance &&
                           !goes_round(next, tolerance);
        place_ = next;
        return jumps && sounds;
    }

    // So many frames are fed, `fed` in all with them.
    void advance(int count, std::int64_t fed) {
        if (!place_.rolls) return;
        place_.frame += count;
        place_.to_loop_end -= count;
        rolled_until_ = fed;
    }

private:
    bool goes_round(const Place& next, int tolerance) const {
        if (!place_.rolls || !next.rolls) return false;
        if (!next.loops_known) return next.frame < place_.frame;
        return place_.has_loop && next.has_loop && std::fabs(next.into_loop) <= tolerance &&
               std::fabs(place_.to_loop_end) <= tolerance;
    }

    Place place_;  // expected at the next frame
    std::int64_t rolled_until_ = std::numeric_limits<std::int64_t>::min() / 2;
};

}  // namespace restem
