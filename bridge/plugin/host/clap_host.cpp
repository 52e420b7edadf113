// A host of our own for the CLAP, which does what a line on stdin says and answers with a line of JSON:
//
//     describe                       name, ports, parameters, latency
//     activate RATE BLOCK            BLOCK: frames of a call, at most
//     deactivate
//     set ID VALUE                   a parameter, at the first sample of the next call
//     get ID
//     offline 0|1                    whether it renders to a file
//     save FILE, load FILE           the plugin's state
//     moved                          what the plugin has moved since the last time
//     place FRAME [ROLLS [START END]]  of the transport at the next call, and a loop; -1: it tells of none
//     jump AT FRAME                  within the next call, at a sample of it
//     reset                          forget what was played
//     pace 0|1                       as fast as it goes, or as fast as music plays
//     run IN OUT BLOCK [SEED]        files of float32, interleaved; with a SEED, calls of 1 to BLOCK frames
//
// It ends with its input. SPDX-License-Identifier: GPL-3.0-or-later
#include <dlfcn.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iostream>
#include <map>
#include <random>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "clap/entry.h"
#include "clap/ext/audio-ports.h"
#include "clap/ext/latency.h"
#include "clap/ext/params.h"
#include "clap/ext/state.h"
#include "clap/plugin-factory.h"

namespace {

using Clock = std::chrono::steady_clock;

bool restart_wanted = false;

// CLAP's render extension, of which DPF has no header.
struct Render {
    bool (*has_hard_realtime_requirement)(const clap_plugin_t*);
    bool (*set)(const clap_plugin_t*, int32_t mode);
};

int64_t write_state(const clap_ostream_t* stream, const void* bytes, uint64_t size) {
    static_cast<std::ostream*>(stream->ctx)->write(static_cast<const char*>(bytes), std::streamsize(size));
    return int64_t(size);
}
int64_t read_state(const clap_istream_t* stream, void* bytes, uint64_t size) {
    auto* source = static_cast<std::istream*>(stream->ctx);
    source->read(static_cast<char*>(bytes), std::streamsize(size));
    return int64_t(source->gcount());
}

const void* no_extension(const clap_host_t*, const char*) { return nullptr; }
void on_restart(const clap_host_t*) { restart_wanted = true; }
void nothing(const clap_host_t*) {}

std::string quoted(const char* text) {
    std::string found = "\"";
    for (; *text; ++text) {
        if (*text == '"' || *text == '\\') found += '\\';
        found += *text;
    }
    return found + "\"";
}

struct Events {
    std::vector<clap_event_param_value_t> values;  // at the first sample
    std::vector<clap_event_transport_t> places;
    clap_input_events_t list{this, size, get};

    static uint32_t size(const clap_input_events_t* list) {
        const auto* events = static_cast<Events*>(list->ctx);
        return uint32_t(events->values.size() + events->places.size());
    }
    static const clap_event_header_t* get(const clap_input_events_t* list, uint32_t index) {
        const auto* events = static_cast<Events*>(list->ctx);
        const size_t values = events->values.size();
        return index < values ? &events->values[index].header : &events->places[index - values].header;
    }
};

// The transport; in frames.
struct Transport {
    int64_t frame = -1, loop_start = 0, loop_end = 0;  // of the next sample, and of a loop
    bool rolls = false;

    void advance(uint32_t count) {
        if (!rolls) return;
        frame += count;
        if (loop_end > loop_start && frame >= loop_end) frame -= loop_end - loop_start;
    }
    clap_event_transport_t event(double rate, uint32_t at = 0) const {
        const auto time = [rate](int64_t frames) {
            return clap_sectime(double(CLAP_SECTIME_FACTOR) * double(frames) / rate);
        };
        clap_event_transport_t told{};
        told.header = {sizeof told, at, CLAP_CORE_EVENT_SPACE_ID, CLAP_EVENT_TRANSPORT, 0};
        told.flags = CLAP_TRANSPORT_HAS_SECONDS_TIMELINE | (rolls ? CLAP_TRANSPORT_IS_PLAYING : 0) |
                     (loop_end > loop_start ? CLAP_TRANSPORT_IS_LOOP_ACTIVE : 0);
        told.song_pos_seconds = time(frame);
        told.loop_start_seconds = time(loop_start), told.loop_end_seconds = time(loop_end);
        return told;
    }
};

// Values of parameters that the plugin has moved, by their numbers.
std::map<clap_id, double> moved;

bool note(const clap_output_events_t*, const clap_event_header_t* event) {
    if (event->type == CLAP_EVENT_PARAM_VALUE) {
        const auto* value = reinterpret_cast<const clap_event_param_value_t*>(event);
        moved[value->param_id] = value->value;
    }
    return true;
}

class Host {
public:
    explicit Host(const std::string& path) {
        void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
        if (!library) throw std::runtime_error(dlerror());
        const auto* entry = static_cast<const clap_plugin_entry_t*>(dlsym(library, "clap_entry"));
        if (!entry || !entry->init(path.c_str())) throw std::runtime_error("no CLAP");
        const auto* factory =
            static_cast<const clap_plugin_factory_t*>(entry->get_factory(CLAP_PLUGIN_FACTORY_ID));
        if (!factory || factory->get_plugin_count(factory) != 1) throw std::runtime_error("no single plugin");
        host_.clap_version = CLAP_VERSION;
        host_.name = host_.vendor = host_.url = "restem";
        host_.version = "1";
        host_.get_extension = no_extension;
        host_.request_restart = on_restart;
        host_.request_process = host_.request_callback = nothing;
        plugin_ = factory->create_plugin(factory, &host_, factory->get_plugin_descriptor(factory, 0)->id);
        if (!plugin_ || !plugin_->init(plugin_)) throw std::runtime_error("the plugin does not start");
        ports_ = extension<clap_plugin_audio_ports_t>(CLAP_EXT_AUDIO_PORTS);
        parameters_ = extension<clap_plugin_params_t>(CLAP_EXT_PARAMS);
        latency_ = extension<clap_plugin_latency_t>(CLAP_EXT_LATENCY);
        for (uint32_t i = 0; i < ports_->count(plugin_, false); ++i) outputs_ += port(i, false).channel_count;
        inputs_ = port(0, true).channel_count;
    }
    ~Host() {
        deactivate();
        plugin_->destroy(plugin_);
    }

    std::string obey(std::istringstream& line) {
        std::string verb;
        line >> verb;
        if (verb == "describe") return describe();
        if (verb == "activate") return activate(line);
        if (verb == "deactivate") return deactivate();
        if (verb == "set") return set(line);
        if (verb == "get") return get(line);
        if (verb == "offline") return set_offline(line);
        if (verb == "save") return save(line);
        if (verb == "load") return load(line);
        if (verb == "moved") return tell_moved();
        if (verb == "place") return set_place(line);
        if (verb == "jump") return jump(line);
        if (verb == "reset") return plugin_->reset(plugin_), "{}";
        if (verb == "pace") return line >> paced_, "{}";
        if (verb == "run") return run(line);
        throw std::runtime_error("unknown command " + verb);
    }

private:
    template <typename T>
    const T* extension(const char* name) {
        const void* found = plugin_->get_extension(plugin_, name);
        if (!found) throw std::runtime_error(std::string("the plugin lacks ") + name);
        return static_cast<const T*>(found);
    }

    clap_audio_port_info_t port(uint32_t number, bool input) const {
        clap_audio_port_info_t info{};
        ports_->get(plugin_, number, input, &info);
        return info;
    }

    std::string describe() const {
        std::ostringstream out;
        out << "{\"name\": " << quoted(plugin_->desc->name) << ", \"latency\": " << latency_->get(plugin_)
            << ", \"restart\": " << (restart_wanted ? "true" : "false") << ", \"ports\": [";
        for (uint32_t i = 0; i < ports_->count(plugin_, false); ++i)
            out << (i ? ", " : "") << quoted(port(i, false).name);
        out << "], \"parameters\": {";
        for (uint32_t i = 0; i < parameters_->count(plugin_); ++i) {
            clap_param_info_t info{};
            parameters_->get_info(plugin_, i, &info);
            out << (i ? ", " : "") << quoted(info.name) << ": " << info.id;
        }
        out << "}}";
        return out.str();
    }

    std::string activate(std::istringstream& line) {
        deactivate();
        line >> rate_ >> block_;
        active_ = plugin_->activate(plugin_, rate_, 1, block_) && plugin_->start_processing(plugin_);
        if (!active_) throw std::runtime_error("the plugin cannot be activated");
        restart_wanted = false;
        return "{\"latency\": " + std::to_string(latency_->get(plugin_)) + "}";
    }

    std::string deactivate() {
        if (active_) {
            plugin_->stop_processing(plugin_);
            plugin_->deactivate(plugin_);
        }
        active_ = false;
        return "{}";
    }

    std::string set(std::istringstream& line) {
        clap_event_param_value_t event{};
        line >> event.param_id >> event.value;
        event.header = {sizeof event, 0, CLAP_CORE_EVENT_SPACE_ID, CLAP_EVENT_PARAM_VALUE, 0};
        event.note_id = event.port_index = event.channel = event.key = -1;
        events_.values.push_back(event);
        return "{}";
    }

    std::string get(std::istringstream& line) const {
        clap_id id = 0;
        double value = 0;
        line >> id;
        if (!parameters_->get_value(plugin_, id, &value)) throw std::runtime_error("no such parameter");
        return "{\"value\": " + std::to_string(value) + "}";
    }

    std::string set_offline(std::istringstream& line) {
        int mode = 0;
        line >> mode;
        if (!extension<Render>("clap.render")->set(plugin_, mode)) throw std::runtime_error("refused");
        return "{}";
    }

    std::string save(std::istringstream& line) {
        std::string path;
        line >> path;
        std::ofstream target(path, std::ios::binary);
        const clap_ostream_t stream{static_cast<std::ostream*>(&target), write_state};
        if (!extension<clap_plugin_state_t>(CLAP_EXT_STATE)->save(plugin_, &stream))
            throw std::runtime_error("the plugin does not save its state");
        return "{}";
    }

    std::string load(std::istringstream& line) {
        std::string path;
        line >> path;
        std::ifstream source(path, std::ios::binary);
        const clap_istream_t stream{static_cast<std::istream*>(&source), read_state};
        if (!extension<clap_plugin_state_t>(CLAP_EXT_STATE)->load(plugin_, &stream))
            throw std::runtime_error("the plugin does not take that state");
        return "{}";
    }

    std::string set_place(std::istringstream& line) {
        transport_ = {};
        line >> transport_.frame >> transport_.rolls >> transport_.loop_start >> transport_.loop_end;
        return "{}";
    }

    std::string jump(std::istringstream& line) {
        line >> jump_at_ >> jump_to_;
        return "{}";
    }

    // Tells of the transport's way through a call; the answer is its place at the first sample.
    clap_event_transport_t move(uint32_t count) {
        const clap_event_transport_t told = transport_.event(rate_);
        if (jump_at_ < count) {
            transport_.frame = jump_to_;
            events_.places.push_back(transport_.event(rate_, jump_at_));
            count -= jump_at_;
            jump_at_ = NEVER;
        }
        transport_.advance(count);
        return told;
    }

    static std::string tell_moved() {
        std::ostringstream out;
        const char* separator = "";
        for (const auto& [id, value] : moved) {
            out << separator << "\"" << id << "\": " << value;
            separator = ", ";
        }
        moved.clear();
        return "{" + out.str() + "}";
    }

    std::string run(std::istringstream& line) {
        std::string in, out;
        uint32_t block = 0, seed = 0;
        line >> in >> out >> block >> seed;
        if (!active_ || block < 1 || block > block_) throw std::runtime_error("not active for such blocks");
        std::ifstream source(in, std::ios::binary);
        std::ofstream target(out, std::ios::binary);
        std::mt19937 random(seed);
        std::vector<float> heard(inputs_ * block), played(outputs_ * block);
        std::vector<double> took;
        const auto began = Clock::now();
        uint64_t done = 0;
        for (;;) {
            const uint32_t wanted = seed ? 1 + uint32_t(random() % block) : block;
            source.read(reinterpret_cast<char*>(heard.data()), std::streamsize(sizeof(float) * inputs_ * wanted));
            const auto count = uint32_t(size_t(source.gcount()) / (sizeof(float) * inputs_));
            if (count == 0) break;
            if (paced_)
                std::this_thread::sleep_until(began + std::chrono::duration<double>(double(done) / rate_));
            took.push_back(process(heard, played, count));
            target.write(reinterpret_cast<char*>(played.data()), std::streamsize(sizeof(float) * outputs_ * count));
            done += count;
        }
        return timings(took);
    }

    // One call of the plugin, interleaved in and out; microseconds.
    double process(const std::vector<float>& heard, std::vector<float>& played, uint32_t count) {
        std::vector<std::vector<float>> memory(inputs_ + outputs_, std::vector<float>(count));
        std::vector<float*> channels;
        for (auto& each : memory) channels.push_back(each.data());
        for (uint32_t c = 0; c < inputs_; ++c)
            for (uint32_t i = 0; i < count; ++i) memory[c][i] = heard[i * inputs_ + c];
        clap_audio_buffer_t input{};
        input.data32 = channels.data();
        input.channel_count = inputs_;
        std::vector<clap_audio_buffer_t> buses(ports_->count(plugin_, false));
        uint32_t first = inputs_;
        for (uint32_t i = 0; i < buses.size(); ++i) {
            buses[i] = {};
            buses[i].data32 = channels.data() + first;
            first += buses[i].channel_count = port(i, false).channel_count;
        }
        clap_output_events_t out{nullptr, note};
        clap_process_t process{};
        process.steady_time = -1;
        process.frames_count = count;
        process.audio_inputs = &input;
        process.audio_inputs_count = 1;
        process.audio_outputs = buses.data();
        process.audio_outputs_count = uint32_t(buses.size());
        const bool tells = transport_.frame >= 0;
        const clap_event_transport_t place = move(count);
        process.transport = tells ? &place : nullptr;
        process.in_events = &events_.list;
        process.out_events = &out;
        const auto began = Clock::now();
        if (plugin_->process(plugin_, &process) == CLAP_PROCESS_ERROR)
            throw std::runtime_error("the plugin answers with an error");
        const std::chrono::duration<double, std::micro> took = Clock::now() - began;
        events_.values.clear();
        events_.places.clear();
        for (uint32_t c = 0; c < outputs_; ++c)
            for (uint32_t i = 0; i < count; ++i) played[i * outputs_ + c] = memory[inputs_ + c][i];
        return took.count();
    }

    static std::string timings(std::vector<double>& took) {
        std::sort(took.begin(), took.end());
        std::ostringstream out;
        out << "{\"calls\": " << took.size();
        const std::pair<const char*, double> shares[] = {{"p50", .5}, {"p99", .99}, {"p999", .999}, {"worst", 1}};
        for (const auto& [name, share] : shares)
            if (!took.empty())
                out << ", \"" << name << "_us\": " << took[size_t(share * double(took.size() - 1))];
        out << "}";
        return out.str();
    }

    clap_host_t host_{};
    const clap_plugin_t* plugin_ = nullptr;
    const clap_plugin_audio_ports_t* ports_ = nullptr;
    const clap_plugin_params_t* parameters_ = nullptr;
    const clap_plugin_latency_t* latency_ = nullptr;
    static constexpr uint32_t NEVER = ~uint32_t(0);
    Events events_;
    Transport transport_;
    uint32_t jump_at_ = NEVER;
    int64_t jump_to_ = 0;
    uint32_t inputs_ = 0, outputs_ = 0, block_ = 0;
    double rate_ = 0;
    bool active_ = false, paced_ = false;
};

}  // namespace

int main(int count, char** arguments) {
    try {
        if (count != 2) throw std::runtime_error("usage: clap_host PLUGIN.clap");
        Host host(arguments[1]);
        std::cout << "{}" << std::endl;
        for (std::string text; std::getline(std::cin, text);) {
            std::istringstream line(text);
            std::cout << host.obey(line) << std::endl;
        }
    } catch (const std::exception& error) {
        std::cout << "{\"error\": " << quoted(error.what()) << "}" << std::endl;
        return 1;
    }
}
