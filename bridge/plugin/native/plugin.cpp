// The processor: a delay line for the mix, and the engine's own kernel for all else.
//
//     in ─┬─► history ──────────────► dry, `latency` frames late      while there is no engine
//         └─► Rings::process ───────► Main and stems, as late         while there is one
//
// SPDX-License-Identifier: GPL-3.0-or-later
#include "DistrhoPlugin.hpp"
#include "client.h"
#include "places.h"

// For `restem plugin list`, which reads it in the file.
extern "C" __attribute__((used, visibility("default"))) const char* const restem_abi = restem::ABI_TEXT;

START_NAMESPACE_DISTRHO

namespace {

using restem::PARAMETER_COUNT;

enum Own { PROFILE = PARAMETER_COUNT, WAIT, STATUS, LATE_FRAMES, ALL_PARAMETERS };

constexpr int INPUTS = DISTRHO_PLUGIN_NUM_INPUTS, OUTPUTS = DISTRHO_PLUGIN_NUM_OUTPUTS;
static_assert(OUTPUTS == 2 * restem::PORT_COUNT);
constexpr float LOUDEST = 1e5f;       // of an input; beyond is no audio
constexpr int PATIENCE_MS = 2000;     // for stems, where the host waits for all
constexpr double START_SECONDS = 60;  // for an engine that starts, where the host renders to a file
constexpr char START_VARIABLE[] = "RESTEM_PLUGIN_START_SECONDS";  // of the environment: as many instead
constexpr int NAP_US = 200;
constexpr int PLACES = 16;            // of the transport in a call, at most
constexpr double ROUNDING = 0.02;     // s, of a host's positions
constexpr int FOLLOWED_MS = 200;      // for the mixer to follow the host's automation
constexpr double AHEAD_OF_CLOCK = 0.75;  // of the latency: a host that is so far ahead renders to a file

const char* const STATUSES[] = {"No service", "Starting", "Ready", "Late", "Refused", "Other version", "No room"};
constexpr int STATUS_COUNT = sizeof STATUSES / sizeof *STATUSES;

}  // namespace

class RestemPlugin : public Plugin {
public:
    RestemPlugin() : Plugin(ALL_PARAMETERS, 0, 0) { prepare(); }

protected:
    const char* getLabel() const override { return "restem"; }
    const char* getDescription() const override { return "Restores eight stems from a mix."; }
    const char* getMaker() const override { return "restem"; }
    const char* getLicense() const override { return "GPL-3.0-or-later"; }
    uint32_t getVersion() const override { return d_version(0, 1, 0); }
    int64_t getUniqueId() const override { return d_cconst('r', 's', 't', 'm'); }

    void initAudioPort(bool input, uint32_t index, AudioPort& port) override {
        const String side(index % 2 ? "right" : "left");
        const String bus(input ? "In" : restem::PORTS[index / 2]);
        port.groupId = input ? uint32_t(restem::PORT_COUNT) : index / 2;
        port.name = String("restem ") + bus + " " + side;
        port.symbol = (String(input ? "in_" : "out_") + bus + "_" + side).toBasic();
    }

    void initPortGroup(uint32_t number, PortGroup& group) override {
        const bool input = number == uint32_t(restem::PORT_COUNT);
        const String bus(input ? "In" : restem::PORTS[number]);
        group.name = String("restem ") + bus;
        group.symbol = (String(input ? "in_" : "out_") + bus).toBasic();
    }

    void initParameter(uint32_t index, Parameter& parameter) override {
        if (index < PARAMETER_COUNT) {
            const restem::Parameter& row = restem::PARAMETERS[index];
            if (row.is_bypass) {
                parameter.initDesignation(kParameterDesignationBypass);
                return;
            }
            parameter.hints = kParameterIsAutomatable | (row.is_switch ? kParameterIsBoolean : 0);
            parameter.name = row.label;
            parameter.symbol = row.symbol;
            parameter.unit = row.unit;
            parameter.ranges = ParameterRanges(row.initial, row.low, row.high);
            return;
        }
        switch (index) {
        case PROFILE:
            parameter.hints = kParameterIsInteger;
            parameter.name = "Profile";
            parameter.symbol = "profile";
            parameter.ranges = ParameterRanges(0, 0, restem::PROFILE_COUNT - 1);
            enumerate(parameter, restem::PROFILE_COUNT, [](int i) { return restem::PROFILES[i].name; });
            break;
        case WAIT:
            parameter.hints = kParameterIsBoolean;
            parameter.name = "Wait for stems";
            parameter.symbol = "wait";
            parameter.ranges = ParameterRanges(0, 0, 1);
            break;
        case STATUS:
            parameter.hints = kParameterIsOutput | kParameterIsInteger;
            parameter.name = "Status";
            parameter.symbol = "status";
            parameter.ranges = ParameterRanges(0, 0, STATUS_COUNT - 1);
            enumerate(parameter, STATUS_COUNT, [](int i) { return STATUSES[i]; });
            break;
        case LATE_FRAMES:
            parameter.hints = kParameterIsOutput | kParameterIsInteger;
            parameter.name = "Late frames";
            parameter.symbol = "late_frames";
            parameter.ranges = ParameterRanges(0, 0, 1e9f);
            break;
        }
    }

    float getParameterValue(uint32_t index) const override {
        if (index < PARAMETER_COUNT) return client_.host[index].load();
        switch (index) {
        case PROFILE: return float(profile_.load());
        case WAIT: return float(waits_.load());
        case STATUS: return float(int(client_.status.load()));
        case LATE_FRAMES: return float(late_frames_.load());
        }
        return 0;
    }

    void setParameterValue(uint32_t index, float value) override {
        if (!std::isfinite(value)) return;
        if (index < PARAMETER_COUNT) client_.set(int(index), value);
        if (index == PROFILE) profile_.store(std::clamp(int(std::lround(value)), 0, restem::PROFILE_COUNT - 1));
        if (index == WAIT) waits_.store(value >= 0.5f);
    }

    void activate() override {
        prepare();
        frames_ = since_ = ahead_frames_ = 0;
        transport_.reset();
        ahead_since_ = restem::now_ns();
        forgets_ = true;
        unrestored_ = 0;
        ask();
    }

    void sampleRateChanged(double) override { prepare(); }
    void bufferSizeChanged(uint32_t) override { prepare(); }

public:
    // While the host renders to a file, a call may take as long as its stems.
    void set_offline(bool offline) { offline_.store(offline); }

    // The transport's place at a frame of the next call.
    void set_place(uint32_t at, const restem::Place& place) {
        has_places_ = true;
        if (place_count_ < PLACES) places_[place_count_++] = {at, place};
    }

    // Nothing that is under way is to be played.
    void forget() {
        forgets_ = true;
        since_ = frames_;
        transport_.reset();
    }

protected:
    void run(const float** inputs, float** outputs, uint32_t frames) override {
        if (profile_.load() != playing_profile_) {
            count();
            ask();
        }
        follow_mixer();
        restem::Rings* rings = offline_.load() ? await_rings() : client_.take();
        if (rings && forgets_ && rings == rings_) rings->reset();
        if (rings && rings != rings_) lead_in(*rings);
        rings_ = rings;
        forgets_ = false;
        const int patience = rings ? patience_ms() : 0;
        if (patience > 0) await_mixer();
        if (!has_places_) set_place_of_dpf();
        int places = 0;
        for (uint32_t done = 0; done < frames;) {
            for (; places < place_count_ && places_[places].at <= done; ++places) move(places_[places].place);
            const uint32_t next = places < place_count_ ? std::min(places_[places].at, frames) : frames;
            const int count = int(std::min<uint32_t>(next - done, restem::LARGEST));
            remember(inputs, done, count);
            if (rings)
                play(*rings, outputs, done, count, patience);
            else
                play_dry(outputs, done, count);
            frames_ += count;
            done += uint32_t(count);
            transport_.advance(count, frames_);
        }
        place_count_ = 0;
        ahead_frames_ += frames;
        late_frames_.store(unrestored_ + (rings ? rings->late_frames() : 0));
    }

private:
    template <typename Name>
    static void enumerate(Parameter& parameter, int count, Name name) {
        auto* values = new ParameterEnumerationValue[size_t(count)];  // DPF deletes them
        for (int i = 0; i < count; ++i) {
            values[i].value = float(i);
            values[i].label = name(i);
        }
        parameter.enumValues.count = uint8_t(count);
        parameter.enumValues.values = values;
        parameter.enumValues.restrictedMode = true;
    }

    // Room for any profile's latency at this rate, so that `run` need not allocate.
    void prepare() {
        rate_ = int(std::lround(getSampleRate()));
        block_ = std::max(1, int(getBufferSize()));
        int longest = 1;
        for (int i = 0; i < restem::PROFILE_COUNT; ++i)
            longest = std::max(longest, restem::count_latency(i, rate_, block_));
        size_t size = 1;
        while (size < size_t(longest) + size_t(restem::LARGEST)) size *= 2;
        for (auto& channel : history_)
            if (channel.size() != size) channel.assign(size, 0.0f);
        mask_ = std::int64_t(size) - 1;
        count();
    }

    void count() {
        playing_profile_ = profile_.load();
        const int counted = restem::count_latency(playing_profile_, rate_, block_);
        latency_ = std::max(0, counted);
        setLatency(uint32_t(latency_));
    }

    void ask() {
        waited_ns_ = 0;
        client_.want(rate_, block_, playing_profile_,
                     restem::count_latency(playing_profile_, rate_, block_));
    }

    // Goes to the host's place; what is under way from another one is not played.
    void move(const restem::Place& place) {
        const int tolerance = std::max(2 * block_, int(ROUNDING * rate_));
        if (!transport_.moves(place, frames_, latency_, tolerance)) return;
        since_ = frames_;
        if (rings_) rings_->reset();
    }

    // As DPF has it, which knows of no loops, where its wrapper tells nothing: the LV2.
    void set_place_of_dpf() {
        const TimePosition& told = getTimePosition();
        restem::Place place;
        place.known = true;
        place.rolls = told.playing;
        place.frame = double(told.frame);
        places_[place_count_++] = {0, place};
    }

    // Keeps a part of the mix, of which what is no audio becomes silence.
    void remember(const float** inputs, uint32_t from, int count) {
        for (int channel = 0; channel < INPUTS; ++channel)
            for (int i = 0; i < count; ++i) {
                const float value = inputs[channel][from + uint32_t(i)];
                history_[channel][size_t((frames_ + i) & mask_)] = std::fabs(value) <= LOUDEST ? value : 0.0f;
            }
    }

    void play_dry(float** outputs, uint32_t from, int count) {
        if (offline_.load()) unrestored_ += std::clamp<std::int64_t>(frames_ + count - latency_ - since_, 0, count);
        for (int output = 0; output < OUTPUTS; ++output)
            for (int i = 0; i < count; ++i) {
                const std::int64_t at = frames_ + i - latency_;
                const bool sounds = output < INPUTS && at >= since_;
                outputs[output][from + uint32_t(i)] = sounds ? history_[output][size_t(at & mask_)] : 0.0f;
            }
    }

    void play(restem::Rings& rings, float** outputs, uint32_t from, int count, int patience) {
        feed(rings, frames_, count, patience);
        for (int output = 0; output < OUTPUTS; ++output)
            std::memcpy(outputs[output] + from, rings.output(output), sizeof(float) * size_t(count));
    }

    void feed(restem::Rings& rings, std::int64_t from, int count, int patience) {
        for (int channel = 0; channel < INPUTS; ++channel)
            for (int i = 0; i < count; ++i)
                rings.input(channel)[i] = history_[channel][size_t((from + i) & mask_)];
        rings.process(count, patience);
    }

    // Lets new rings have the mix that is still to be heard, so that the dry mix goes on without a gap.
    void lead_in(restem::Rings& rings) {
        for (std::int64_t at = std::max(since_, frames_ - latency_); at < frames_;) {
            const int count = int(std::min<std::int64_t>(frames_ - at, restem::LARGEST));
            feed(rings, at, count, 0);
            at += count;
        }
    }

    // Rings; a host that renders to a file waits for them, so that the file has stems from its first frame on.
    // None after a while: the file goes on with the dry mix, which is counted.
    restem::Rings* await_rings() {
        const std::int64_t began = restem::now_ns();
        for (;;) {
            restem::Rings* rings = client_.take();
            const bool plays = rings && (rings == rings_ || client_.worker_lives.load());
            const std::int64_t waited = waited_ns_ + restem::now_ns() - began;
            if (plays || !client_.expects() || waited > start_patience_ns_) {
                waited_ns_ = waited;
                return rings;
            }
            usleep(NAP_US);
        }
    }

    // How long a call may wait for stems: not at all in real time, and never longer than a host is ahead of it.
    int patience_ms() {
        const std::int64_t now = restem::now_ns();
        double ahead = double(ahead_frames_) - double(now - ahead_since_) * 1e-9 * rate_;
        if (ahead < 0) {
            ahead_frames_ = 0;
            ahead_since_ = now;
            ahead = 0;
        }
        if (!client_.worker_lives.load()) return 0;
        if (waits_.load() || offline_.load()) return PATIENCE_MS;
        if (ahead < std::max(AHEAD_OF_CLOCK * latency_, 2.0 * block_)) return 0;
        return std::min(PATIENCE_MS, int(1000 * (ahead - block_) / rate_));
    }

    // Values that OSC, MIDI or a preset have moved; not while a newer one of the host's is under way.
    void follow_mixer() {
        const std::int64_t serial = client_.mixer_serial.load();
        if (serial == mixer_seen_ || client_.mixer_basis.load() != client_.host_serial.load()) return;
        mixer_seen_ = serial;
        for (int i = 0; i < PARAMETER_COUNT; ++i) {
            const float value = client_.mixer[i].load();
            if (client_.host[i].exchange(value) != value) requestParameterValueChange(uint32_t(i), value);
        }
        client_.taken_over.store(serial, std::memory_order_release);
    }

    // Waits for the mixer to follow the host, where the host renders to a file.
    void await_mixer() {
        const std::int64_t until = restem::now_ns() + FOLLOWED_MS * std::int64_t(1000000);
        while (client_.followed.load() != client_.host_serial.load() && restem::now_ns() < until)
            usleep(NAP_US);
    }

    static std::int64_t start_patience_ns() {
        const char* seconds = std::getenv(START_VARIABLE);
        return std::int64_t(1e9 * (seconds ? std::atof(seconds) : START_SECONDS));
    }

    restem::Client client_;
    std::vector<float> history_[INPUTS];  // the mix's newest frames
    std::int64_t mask_ = 0;
    std::int64_t frames_ = 0;  // of the mix since the plugin was activated
    std::int64_t since_ = 0;   // the first of them that is to be heard
    struct Move {
        uint32_t at;
        restem::Place place;
    };
    Move places_[PLACES];  // of this call
    int place_count_ = 0;
    bool has_places_ = false;
    restem::Transport transport_;
    int rate_ = 0, block_ = 0, latency_ = 0, playing_profile_ = 0;
    restem::Rings* rings_ = nullptr;
    bool forgets_ = false;  // nothing of before is to be heard
    std::int64_t ahead_frames_ = 0, ahead_since_ = 0, mixer_seen_ = 0;
    const std::int64_t start_patience_ns_ = start_patience_ns();
    std::int64_t waited_ns_ = 0;   // for the engine that is wanted
    std::int64_t unrestored_ = 0;  // frames of a file that are the dry mix for want of an engine
    std::atomic<int> profile_{0};
    std::atomic<bool> waits_{false}, offline_{false};
    std::atomic<std::int64_t> late_frames_{0};

    DISTRHO_DECLARE_NON_COPYABLE_WITH_LEAK_DETECTOR(RestemPlugin)
};

Plugin* createPlugin() { return new RestemPlugin(); }

END_NAMESPACE_DISTRHO

static DISTRHO_NAMESPACE::RestemPlugin& the(void* plugin) {
    using namespace DISTRHO_NAMESPACE;
    return *static_cast<RestemPlugin*>(static_cast<Plugin*>(plugin));
}

void restem_set_offline(void* plugin, bool offline) { the(plugin).set_offline(offline); }

void restem_set_place(void* plugin, uint32_t at, const restem::Place& place) { the(plugin).set_place(at, place); }

void restem_forget(void* plugin) { the(plugin).forget(); }
