// The plugin's side of the lobby and of the rings: see bridge/plugin/lobby.py, streamer/engine/rings.py.
//
//     audio thread ── Rings::process ──► rings in shared memory ──► worker of the service
//     look-out thread ──► lobby: what is wanted, values of parameters, heartbeats
//
// The audio thread touches nothing but atomics and rings that are mapped for as long as it uses them; it
// neither locks, allocates nor calls the system, but for a wait that the plugin has asked for. The look-out
// thread does the rest; it starts with the first activation, so that a scan of plugins starts nothing.
//
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "restem_abi.h"

// `streamer.engine.playback_kernel.process_at`, as Numba compiles it.
extern "C" void restem_process(std::int64_t* context, std::int64_t count);

extern char** environ;

namespace restem {

using Word = std::atomic<std::int64_t>;
static_assert(sizeof(Word) == 8 && Word::is_always_lock_free);
static_assert(PARAMETER_COUNT <= LOBBY_VALUES);

enum class Status { NoService, Starting, Ready, Late, Refused, OtherVersion, NoRoom };

// What an engine is wanted for; it counts as another one when its serial differs.
struct Config {
    int rate = 0, block = 0, profile = 0, latency = 0;
    std::int64_t serial = 0;
};

inline std::int64_t now_ns() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

// Frames from the mix to the stems, as `streamer.engine.latency.count_latency` counts them; -1: unknown rate.
inline int count_latency(int profile, int rate, int block) {
    for (int i = 0; i < RATE_COUNT; ++i)
        if (RATES[i] == rate) {
            const Geometry& g = PROFILES[profile].at_rates[i];
            const int blocks = std::max(1, (g.allowance + block - 1) / block);
            return g.model_latency + g.block_size - 1 + blocks * block + int(FADE);
        }
    return -1;
}

// Shared memory of this user, mapped until it is destroyed.
class Mapping {
public:
    explicit Mapping(const std::string& name) {
        const int file = shm_open(("/" + name).c_str(), O_RDWR | O_CLOEXEC, 0);
        if (file < 0) return;
        struct stat found {};
        if (fstat(file, &found) == 0 && found.st_uid == geteuid() && (found.st_mode & 0077) == 0 &&
            found.st_size > 0) {
            void* at = mmap(nullptr, size_t(found.st_size), PROT_READ | PROT_WRITE, MAP_SHARED | POPULATE,
                            file, 0);
            if (at != MAP_FAILED) {
                base_ = static_cast<char*>(at);
                size_ = size_t(found.st_size);
                node_ = found.st_ino;
            }
        }
        close(file);
    }
    ~Mapping() {
        if (base_) munmap(base_, size_);
    }
    Mapping(const Mapping&) = delete;
    Mapping& operator=(const Mapping&) = delete;

    explicit operator bool() const { return base_ != nullptr; }
    size_t size() const { return size_; }
    ino_t node() const { return node_; }
    template <typename T>
    T* at(size_t byte) const {
        return reinterpret_cast<T*>(base_ + byte);
    }
    Word& word(size_t index) const { return *at<Word>(8 * index); }

private:
#ifdef MAP_POPULATE
    static constexpr int POPULATE = MAP_POPULATE;  // no page fault in the audio thread
#else
    static constexpr int POPULATE = 0;
#endif
    char* base_ = nullptr;
    size_t size_ = 0;
    ino_t node_ = 0;
};

// An engine's rings, and what the audio thread needs to play them.
class Rings {
public:
    Rings(const std::string& name, const Config& wanted) : config(wanted), memory_(name) {
        if (!memory_ || memory_.size() < 8 * RINGS_HEADER) return;
        const auto field = [&](std::int64_t number) { return memory_.word(size_t(number)).load(); };
        if (memory_.word(0).load(std::memory_order_acquire) != RINGS_MAGIC ||
            field(FIELD_LAYOUT) != RINGS_LAYOUT || field(FIELD_SAMPLE_RATE) != config.rate ||
            field(FIELD_CHANNELS) != CHANNELS || field(FIELD_LATENCY) != config.latency)
            return;
        const std::int64_t stems = field(FIELD_STEMS), taps = field(FIELD_TAPS);
        const std::int64_t capacity = field(FIELD_CAPACITY), mixer = field(FIELD_MIXER);
        if (stems < 1 || stems > 64 || taps < 0 || taps > 256 || mixer < 1 || mixer > (1 << 20) ||
            capacity < 1 || capacity > (1 << 26) || (capacity & (capacity - 1)))
            return;
        const size_t mix_at = 8 * size_t(RINGS_HEADER);
        const size_t row = sizeof(float) * size_t(capacity);
        const size_t decks_at = mix_at + CHANNELS * row;
        const size_t tap_at = decks_at + size_t(RINGS_DECKS * stems * CHANNELS) * row;
        const size_t mixer_at = (tap_at + size_t(taps) * row + 63) / 64 * 64;
        if (memory_.size() < mixer_at + 8 * size_t(mixer)) return;
        weights_.resize(size_t((RINGS_DECKS + 1) * LARGEST));
        strips_.resize(size_t((stems + 1) * CHANNELS * LARGEST));
        dry_.resize(size_t(CHANNELS * LARGEST));
        input_.resize(size_t(CHANNELS * LARGEST));
        output_.resize(size_t(MIXER_OUTPUTS * LARGEST));
        const auto address = [](const void* at) { return reinterpret_cast<std::int64_t>(at); };
        context_[CONTEXT_HEADER] = address(memory_.at<char>(0));
        context_[CONTEXT_MIX] = address(memory_.at<char>(mix_at));
        context_[CONTEXT_DECKS] = address(memory_.at<char>(decks_at));
        context_[CONTEXT_TAP] = address(memory_.at<char>(tap_at));
        context_[CONTEXT_FADES] = address(memory_.at<char>(8 * size_t(RINGS_FADES)));
        context_[CONTEXT_WEIGHTS] = address(weights_.data());
        context_[CONTEXT_STRIPS] = address(strips_.data());
        context_[CONTEXT_DRY] = address(dry_.data());
        context_[CONTEXT_INPUT] = address(input_.data());
        context_[CONTEXT_OUTPUT] = address(output_.data());
        context_[CONTEXT_MIXER] = address(memory_.at<char>(mixer_at));
        context_[CONTEXT_CHANNELS] = CHANNELS;
        context_[CONTEXT_STEMS] = stems;
        context_[CONTEXT_CAPACITY] = capacity;
        context_[CONTEXT_TAPS] = taps;
        context_[CONTEXT_MIXER_WORDS] = mixer;
        context_[CONTEXT_POLICY] = field(FIELD_POLICY);
        context_[CONTEXT_OUTPUTS_USED] = 2 * PORT_COUNT;
        fits = true;
    }

    // [LARGEST] of a channel of the mix's next frames, to be filled before `process`.
    float* input(int channel) { return input_.data() + channel * LARGEST; }
    // [LARGEST] of an output, after it.
    const float* output(int number) const { return output_.data() + number * LARGEST; }

    // Plays `count` frames, `LARGEST` at most; waits so long for stems that are late.
    void process(int count, int patience_ms) {
        context_[CONTEXT_PATIENCE_MS] = patience_ms;
        restem_process(context_, count);
    }

    // Forgets everything heard so far, as `Engine.reset` does; positions only grow.
    void reset() {
        Word& reset = memory_.word(size_t(CELL_RESET));
        const std::int64_t position = memory_.word(size_t(CELL_FRAMES_IN)).load();
        std::int64_t seen = reset.load();
        while (seen < position && !reset.compare_exchange_weak(seen, position, std::memory_order_acq_rel)) {
        }
    }

    std::int64_t late_frames() const { return memory_.word(size_t(CELL_LATE_FRAMES)).load(); }

    const Config config;
    bool fits = false;  // false: no rings of the service, or others than were wanted

private:
    static constexpr std::int64_t CHANNELS = 2;
    Mapping memory_;
    std::vector<float> weights_, strips_, dry_, input_, output_;
    std::int64_t context_[CONTEXT_WORDS] = {};
};

class Client {
public:
    Client() {
        for (int i = 0; i < PARAMETER_COUNT; ++i) {
            host[i].store(PARAMETERS[i].initial);
            mixer[i].store(PARAMETERS[i].initial);
        }
    }
    ~Client() {
        stopping_.store(true);
        if (thread_.joinable()) thread_.join();
        delete offered_.load();
    }

    // Asks for an engine, instead of any before; the first time starts the look-out thread, later calls may come
    // from the audio thread.
    void want(int rate, int block, int profile, int latency) {
        if (rate == rate_ && block == block_ && profile == profile_) return;
        serial_.store(serial_.load() + 1);  // odd: being written
        rate_.store(rate), block_.store(block), profile_.store(profile), latency_.store(latency);
        serial_.store(serial_.load() + 1);
        if (!thread_.joinable()) thread_ = std::thread([this] { look_out(); });
    }

    // The rings to play, or none; in the audio thread, which holds them until it asks again.
    Rings* take() {
        Rings *rings, *again = offered_.load();
        do {
            taken_.store(rings = again);  // before another look: from now on they are not unmapped
            again = offered_.load();
        } while (rings != again);
        return rings && rings->config.serial == serial_.load() ? rings : nullptr;
    }

    // Whether an engine that is not there yet may come: not where it was refused, or no service starts.
    bool expects() const { return hopeless_.load() != serial_.load(); }

    // The host moves a parameter.
    void set(int number, float value) {
        if (host[number].exchange(value) != value) host_serial.fetch_add(1);
    }

    std::atomic<float> host[PARAMETER_COUNT];   // values as the host has them
    std::atomic<float> mixer[PARAMETER_COUNT];  // values as the mixer has them, since `mixer_basis`
    std::atomic<std::int64_t> host_serial{1}, followed{0}, mixer_serial{0}, mixer_basis{0};
    std::atomic<std::int64_t> taken_over{0};  // newest serial of the mixer whose values are the host's, too
    std::atomic<bool> worker_lives{false};
    std::atomic<Status> status{Status::NoService};

private:
    static constexpr std::int64_t SECOND = 1'000'000'000;
    static constexpr std::int64_t SETTLED = SECOND / 5;  // hosts try other rates and blocks first
    static constexpr std::int64_t SILENT = 2 * SECOND;   // without a heartbeat
    static constexpr std::int64_t LOOK = SECOND / 5;     // between two looks for a lobby
    static constexpr std::int64_t START = 10 * SECOND;   // between two starts of the service

    void look_out() {
        while (!stopping_.load()) {
            const bool awake = step();
            retire();
            std::this_thread::sleep_for(std::chrono::milliseconds(awake ? 2 : 20));
        }
        if (slot_ >= 0 && lobby_ && mine()) word(SLOT_REQUEST).store(LOBBY_LEAVING, std::memory_order_release);
    }

    // One look; false where there is nothing to do soon.
    bool step() {
        if (!meet()) return false;
        if (lobby_->word(HEAD_ABI).load() != ABI) {
            status.store(Status::OtherVersion);
            hopeless_.store(serial_.load());
            complain("the service is another version of restem: restem plugin build, then install");
            return false;
        }
        if (slot_ < 0 || !mine())
            if (!claim()) return false;
        word(SLOT_BEAT).fetch_add(1);
        send_values();
        ask();
        hear();
        return true;
    }

    // Whether a service is there; looks for one, or for its successor, and starts it.
    bool meet() {
        const std::int64_t now = now_ns();
        if (lobby_) {
            const std::int64_t beat = lobby_->word(HEAD_BEAT).load();
            if (beat != beat_) beat_ = beat, beat_at_ = now;
            if (now - beat_at_ < SILENT) return true;
            worker_lives.store(false);
            status.store(Status::NoService);
        }
        if (now - looked_at_ < LOOK) return false;
        looked_at_ = now;
        const char* named = std::getenv(LOBBY_VARIABLE);
        auto found = std::make_unique<Mapping>(
            named ? named
                  : "restem-lobby-" + std::to_string(getuid()) + "-v" + std::to_string(LOBBY_VERSION));
        const size_t size = 8 * size_t(LOBBY_SLOTS_AT + LOBBY_SLOTS * LOBBY_SLOT_WORDS);
        const bool fits = *found && found->size() >= size &&
                          found->word(0).load(std::memory_order_acquire) == LOBBY_MAGIC;
        if (!fits || (lobby_ && found->node() == lobby_->node())) {
            start_service(now);
            return false;
        }
        lobby_ = std::move(found);
        slot_ = -1;
        beat_ = lobby_->word(HEAD_BEAT).load(), beat_at_ = now - SILENT;  // until it has beaten once
        looked_at_ = now + SECOND;  // which may take as long where the machine is busy
        return false;
    }

    bool claim() {
        slot_ = -1;
        token_ = (std::int64_t(getpid()) << 24) | ((std::int64_t(now_ns() >> 10) + 1) & 0xffffff) | 1;
        for (int number = 0; number < LOBBY_SLOTS; ++number) {
            slot_ = number;
            std::int64_t free = 0;
            if (word(SLOT_CLAIM).compare_exchange_strong(free, token_)) {
                request_ = asked_ = sent_ = heard_ = handled_ = 0;
                taken_over.store(0);
                return true;
            }
        }
        slot_ = -1;
        status.store(Status::NoRoom);
        hopeless_.store(serial_.load());
        complain("the service has no place for another plugin");
        return false;
    }

    bool mine() const { return word(SLOT_CLAIM).load() == token_; }

    void send_values() {
        word(SLOT_MIXER_SEEN).store(taken_over.load(std::memory_order_acquire));  // before the values are read
        const std::int64_t serial = host_serial.load();
        if (serial != sent_) {
            for (int i = 0; i < PARAMETER_COUNT; ++i) put(LOBBY_HOST_VALUES_AT + i, host[i].load());
            word(SLOT_HOST_SERIAL).store(sent_ = serial, std::memory_order_release);
        }
    }

    // Asks for what is wanted, once that has settled.
    void ask() {
        Config wanted = config();
        const std::int64_t now = now_ns();
        if (wanted.serial != settling_) settling_ = wanted.serial, settling_at_ = now;
        if (wanted.serial % 2 || wanted.serial == asked_ || now - settling_at_ < SETTLED) return;
        if (wanted.latency < 0) {
            status.store(Status::Refused);
            hopeless_.store(wanted.serial);
            complain("this sample rate is none that the plugin knows the latency of");
            return;
        }
        asked_ = wanted.serial;
        word(SLOT_RATE).store(wanted.rate);
        word(SLOT_BLOCK).store(wanted.block);
        word(SLOT_LATENCY).store(wanted.latency);
        char* profile = text(LOBBY_PROFILE_AT);
        std::snprintf(profile, size_t(LOBBY_PROFILE_BYTES), "%s", PROFILES[wanted.profile].name);
        wanted_ = wanted;
        hopeless_.store(NONE);
        word(SLOT_REQUEST).store(++request_, std::memory_order_release);
    }

    void hear() {
        if (request_ == 0 || word(SLOT_ANSWERED).load(std::memory_order_acquire) != request_) return;
        const std::int64_t state = word(SLOT_STATE).load(std::memory_order_acquire);
        worker_lives.store(state == STATE_READY && word(SLOT_WORKER).load());
        if (state == STATE_STARTING) status.store(Status::Starting), hopeless_.store(NONE);
        if (state == STATE_FAILED || state == STATE_FULL) {
            status.store(state == STATE_FULL ? Status::NoRoom : Status::Refused);
            hopeless_.store(wanted_.serial);
            complain(copied(LOBBY_MESSAGE_AT, LOBBY_MESSAGE_BYTES));
        }
        if (state != STATE_READY) return;
        if (handled_ != request_) {
            handled_ = request_;
            attach();
        }
        hear_values();
        if (Rings* rings = offered_.load()) {
            const std::int64_t late = rings->late_frames(), now = now_ns();
            if (late != late_) late_ = late, late_at_ = now;
            status.store(now - late_at_ < SECOND ? Status::Late : Status::Ready);
        }
    }

    void attach() {
        const std::string name = copied(LOBBY_RINGS_AT, LOBBY_RINGS_BYTES);
        auto rings = std::make_unique<Rings>(name, wanted_);
        if (name.compare(0, 7, "restem-") != 0 || name.find('/') != std::string::npos || !rings->fits) {
            status.store(Status::OtherVersion);
            hopeless_.store(wanted_.serial);
            complain("the service's rings are not what the plugin asked for");
            return;
        }
        late_ = rings->late_frames(), late_at_ = now_ns() - SECOND;
        if (Rings* old = offered_.exchange(rings.release())) retired_.emplace_back(old);
    }

    // The mixer's values, where it has followed all of the host's.
    void hear_values() {
        const std::int64_t seen = word(SLOT_HOST_SEEN).load(std::memory_order_acquire);
        followed.store(seen);
        const std::int64_t serial = word(SLOT_MIXER_SERIAL).load(std::memory_order_acquire);
        if (serial == heard_ || seen != sent_) return;
        for (int i = 0; i < PARAMETER_COUNT; ++i) mixer[i].store(get(LOBBY_MIXER_VALUES_AT + i));
        mixer_basis.store(seen);
        mixer_serial.store(heard_ = serial);
    }

    // Unmaps rings that the audio thread no longer plays.
    void retire() {
        const Rings* taken = taken_.load();
        retired_.erase(std::remove_if(retired_.begin(), retired_.end(),
                                      [&](const auto& rings) { return rings.get() != taken; }),
                       retired_.end());
    }

    Config config() const {
        Config found;
        found.serial = serial_.load();
        found.rate = rate_, found.block = block_, found.profile = profile_, found.latency = latency_;
        if (serial_.load() != found.serial) found.serial |= 1;  // it is being written
        return found;
    }

    // Starts what `restem plugin install` has written down, a line for each argument.
    void start_service(std::int64_t now) {
        status.store(Status::NoService);
        if (!starts_) hopeless_.store(serial_.load());
        if (now - started_at_ < START) return;
        started_at_ = now;
        std::ifstream file(command_file());
        std::vector<std::string> words = {"/bin/sh", "-c", "\"$@\" >/dev/null 2>&1 </dev/null &", "restem"};
        const size_t before = words.size();
        for (std::string line; std::getline(file, line);)
            if (!line.empty()) words.push_back(line);
        starts_ = words.size() > before;
        if (!starts_) return hopeless_.store(serial_.load());
        std::vector<char*> arguments;
        for (auto& each : words) arguments.push_back(each.data());
        arguments.push_back(nullptr);
        posix_spawnattr_t attributes;
        posix_spawnattr_init(&attributes);
#ifdef POSIX_SPAWN_SETSID
        posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);  // it outlives the DAW's terminal
#endif
        pid_t shell = 0;
        if (posix_spawn(&shell, "/bin/sh", nullptr, &attributes, arguments.data(), environ) == 0)
            waitpid(shell, nullptr, 0);
        posix_spawnattr_destroy(&attributes);
    }

    static std::string command_file() {
        if (const char* path = std::getenv("RESTEM_PLUGIN_CONF")) return path;
        const char* folder = std::getenv("XDG_CONFIG_HOME");
        if (folder && *folder) return std::string(folder) + "/restem/plugin.conf";
        const char* home = std::getenv("HOME");
        return std::string(home ? home : "") + "/.config/restem/plugin.conf";
    }

    void complain(const std::string& problem) {
        if (problem != complained_) std::fprintf(stderr, "restem plugin: %s\n", problem.c_str());
        complained_ = problem;
    }

    size_t slot_at() const { return size_t(LOBBY_SLOTS_AT + slot_ * LOBBY_SLOT_WORDS); }
    Word& word(std::int64_t number) const { return lobby_->word(slot_at() + size_t(number)); }
    char* text(std::int64_t byte) const { return lobby_->at<char>(8 * slot_at() + size_t(byte)); }
    std::string copied(std::int64_t byte, std::int64_t size) const {
        return std::string(text(byte), strnlen(text(byte), size_t(size)));
    }
    void put(std::int64_t number, double value) const {
        std::int64_t bits;
        std::memcpy(&bits, &value, sizeof bits);
        word(number).store(bits, std::memory_order_relaxed);
    }
    float get(std::int64_t number) const {
        const std::int64_t bits = word(number).load(std::memory_order_relaxed);
        double value;
        std::memcpy(&value, &bits, sizeof value);
        return float(value);
    }

    std::atomic<int> rate_{0}, block_{0}, profile_{0}, latency_{0};
    static constexpr std::int64_t NONE = -1;
    std::atomic<std::int64_t> serial_{0}, hopeless_{NONE};  // of a config: the wanted, one that gets no engine
    std::atomic<Rings*> offered_{nullptr}, taken_{nullptr};
    std::atomic<bool> stopping_{false};
    std::thread thread_;
    // Of the look-out thread.
    std::unique_ptr<Mapping> lobby_;
    std::vector<std::unique_ptr<Rings>> retired_;
    Config wanted_;  // as it was asked for
    int slot_ = -1;
    std::int64_t token_ = 0, request_ = 0, asked_ = 0, handled_ = 0, sent_ = 0, heard_ = 0;
    std::int64_t settling_ = 0, settling_at_ = 0, late_ = 0, late_at_ = 0;
    std::int64_t beat_ = 0, beat_at_ = 0, looked_at_ = 0, started_at_ = -START;
    bool starts_ = true;  // whether there is a service to start
    std::string complained_;
};

}  // namespace restem
