// Places of a host's transport, as each format tells them; for DPF's wrappers, which keep loops to themselves.
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "transport.h"

// The host's place at a frame of the next block; in the audio thread.
void restem_set_place(void* plugin, uint32_t at, const restem::Place& place);
// Nothing that was fed is to be played any more; in the audio thread.
void restem_forget(void* plugin);

#ifdef DISTRHO_PLUGIN_TARGET_CLAP
// By seconds: a tempo that changes makes no jumps of beats. Without them a place is unknown.
inline void restem_set_clap_place(void* plugin, double rate, uint32_t at, const clap_event_transport_t* told) {
    restem::Place place;
    place.loops_known = true;
    if (told != nullptr) {
        const auto seconds = [](clap_sectime time) { return double(time) / double(CLAP_SECTIME_FACTOR); };
        const auto has = [told](uint32_t flag) { return (told->flags & flag) != 0; };
        place.known = has(CLAP_TRANSPORT_HAS_SECONDS_TIMELINE);
        place.rolls = has(CLAP_TRANSPORT_IS_PLAYING);
        place.frame = seconds(told->song_pos_seconds) * rate;
        place.has_loop = has(CLAP_TRANSPORT_IS_LOOP_ACTIVE);
        if (has(CLAP_TRANSPORT_HAS_BEATS_TIMELINE) && has(CLAP_TRANSPORT_HAS_TEMPO) && told->tempo > 0) {
            const double beat = 60 / told->tempo * rate / double(CLAP_BEATTIME_FACTOR);
            place.into_loop = double(told->song_pos_beats - told->loop_start_beats) * beat;
            place.to_loop_end = double(told->loop_end_beats - told->song_pos_beats) * beat;
        } else {
            place.into_loop = place.frame - seconds(told->loop_start_seconds) * rate;
            place.to_loop_end = seconds(told->loop_end_seconds) * rate - place.frame;
        }
    }
    restem_set_place(plugin, at, place);
}
#endif

#ifdef DISTRHO_PLUGIN_TARGET_VST3
inline void restem_set_vst3_place(void* plugin, double rate, const v3_process_context* told) {
    restem::Place place;
    place.loops_known = true;
    if (told != nullptr) {
        const auto has = [told](uint32_t flag) { return (told->state & flag) != 0; };
        place.known = true;
        place.rolls = has(V3_PROCESS_CTX_PLAYING);
        place.frame = double(told->project_time_in_samples);
        place.has_loop = has(V3_PROCESS_CTX_CYCLE_ACTIVE) && has(V3_PROCESS_CTX_CYCLE_VALID) &&
                         has(V3_PROCESS_CTX_TEMPO_VALID) && has(V3_PROCESS_CTX_PROJECT_TIME_VALID) && told->bpm > 0;
        if (place.has_loop) {
            const double quarter = 60 / told->bpm * rate;
            place.into_loop = (told->project_time_quarters - told->cycle_start_quarters) * quarter;
            place.to_loop_end = (told->cycle_end_quarters - told->project_time_quarters) * quarter;
        }
    }
    restem_set_place(plugin, 0, place);
}
#endif
