"""The DISTRHO Plugin Framework: found on this machine, and mended in a copy."""

import os
import shutil
from pathlib import Path

DPF_FOLDER = "/usr/share/dpf"
WANTED = "Debian and Ubuntu have it: apt install g++ dpf-source"
# CLAP's render extension, which DPF lacks, and the state, which it keeps from plugins of parameters
# alone: hosts would not save any.
RENDER = """\
static CLAP_ABI bool restem_render_is_real(const clap_plugin_t*) { return false; }
static CLAP_ABI bool restem_render_set(const clap_plugin_t* const plugin, const int32_t mode)
{
    static_cast<PluginCLAP*>(plugin->plugin_data)->setOffline(mode == 1);
    return true;
}
static const struct {
    bool (CLAP_ABI* has_hard_realtime_requirement)(const clap_plugin_t*);
    bool (CLAP_ABI* set)(const clap_plugin_t*, int32_t);
} restem_render = { restem_render_is_real, restem_render_set };
"""
GET_EXTENSION = (
    "static CLAP_ABI const void* clap_plugin_get_extension"
    "(const clap_plugin_t*, const char* const id)\n{\n"
)
# Of DPF's sources, in the copy: what is there, and what takes its place.
PATCHES: dict[str, tuple[tuple[str, str], ...]] = {
    "DistrhoPluginVST3.cpp": (
        ("#include <map>\n", '#include "places.h"\n#include <map>\n'),
        (
            "        if (v3_process_context* const ctx = data->ctx)\n",
            "        restem_set_vst3_place(fPlugin.getInstancePointer(), fPlugin.getSampleRate(),"
            " data->ctx);\n"
            "        if (v3_process_context* const ctx = data->ctx)\n",
        ),
        (
            "            | V3_PROCESS_CTX_NEED_TEMPO ",
            "            | V3_PROCESS_CTX_NEED_CYCLE\n            | V3_PROCESS_CTX_NEED_TEMPO ",
        ),
        (
            "for (int32_t j = 0; j < data->outputs->num_channels; ++j)",
            "for (int32_t bus = 0; bus < data->num_output_buses; ++bus)\n"
            "                for (int32_t j = 0; j < data->outputs[bus].num_channels; ++j)",
        ),
        (
            "outputs[i++] = data->outputs->channel_buffers_32[j];",
            "outputs[i++] = data->outputs[bus].channel_buffers_32[j];",
        ),
        (
            "// TODO process_mode can be V3_REALTIME, V3_PREFETCH, V3_OFFLINE",
            "restem_set_offline(fPlugin.getInstancePointer(), setup->process_mode == V3_OFFLINE);",
        ),
    ),
    "DistrhoPluginCLAP.cpp": (
        (
            '#include "clap/ext/timer-support.h"\n',
            '#include "clap/ext/timer-support.h"\n#include "places.h"\n',
        ),
        (
            "        if (const clap_event_transport_t* const transport = process->transport)\n",
            "        setPlace(0, process->transport);\n"
            "        if (const clap_event_transport_t* const transport = process->transport)\n",
        ),
        (
            "                    case CLAP_EVENT_TRANSPORT:\n",
            "                        break;\n"
            "                    case CLAP_EVENT_TRANSPORT:\n"
            "                        setPlace(event->time, reinterpret_cast"
            "<const clap_event_transport_t*>(event));\n"
            "                        break;\n",
        ),
        (
            "static CLAP_ABI void clap_plugin_reset(const clap_plugin_t*)\n{\n"
            "    // nothing to do\n",
            "static CLAP_ABI void clap_plugin_reset(const clap_plugin_t* const plugin)\n{\n"
            "    static_cast<PluginCLAP*>(plugin->plugin_data)->forget();\n",
        ),
        (
            "    uint32_t getLatency() const noexcept\n",
            "    void setOffline(const bool offline)\n    {\n"
            "        restem_set_offline(fPlugin.getInstancePointer(), offline);\n    }\n\n"
            "    void forget()\n    {\n"
            "        restem_forget(fPlugin.getInstancePointer());\n    }\n\n"
            "    void setPlace(const uint32_t at, const clap_event_transport_t* const place)\n"
            "    {\n"
            "        restem_set_clap_place(fPlugin.getInstancePointer(), "
            "fPlugin.getSampleRate(), at, place);\n    }\n\n"
            "    uint32_t getLatency() const noexcept\n",
        ),
        (
            GET_EXTENSION,
            f"{RENDER}\n{GET_EXTENSION}"
            '    if (std::strcmp(id, "clap.render") == 0)\n        return &restem_render;\n'
            "    if (std::strcmp(id, CLAP_EXT_STATE) == 0)\n        return &clap_plugin_state;\n",
        ),
        ("#if DISTRHO_PLUGIN_WANT_STATE\n// ---", "#if 1\n// ---"),
        (
            "fHostExtensions.latency->changed(fHost);",
            "if (fHostExtensions.latency != nullptr) fHostExtensions.latency->changed(fHost);",
        ),
        (
            "        fPlugin.activate();\n    }\n",
            "        fPlugin.activate();\n        checkForLatencyChanges(false, true);\n    }\n",
        ),
        (
            "    bool requestParameterValueChange(uint32_t, float)\n    {\n        return true;\n",
            "    bool requestParameterValueChange(const uint32_t index, const float value)\n    {\n"
            "        if (fOutputEvents == nullptr)\n            return false;\n"
            "        clap_event_param_value_t moved = {};\n"
            "        moved.header.size = sizeof(moved);\n"
            "        moved.header.type = CLAP_EVENT_PARAM_VALUE;\n"
            "        moved.header.flags = CLAP_EVENT_IS_LIVE;\n"
            "        moved.param_id = index;\n"
            "        moved.note_id = moved.port_index = moved.channel = moved.key = -1;\n"
            "        moved.value = value;\n"
            "        return fOutputEvents->try_push(fOutputEvents, &moved.header);\n",
        ),
    ),
}


def find_dpf() -> Path:
    """Folder of the DISTRHO Plugin Framework: $DPF, or Debian's.

    Raises:
        ValueError: there is none; the package is named.
    """
    folder = Path(os.environ.get("DPF", DPF_FOLDER))
    if not (folder / "distrho" / "DistrhoPluginMain.cpp").is_file():
        raise ValueError(f"{folder}: no DISTRHO Plugin Framework (DPF) here; {WANTED}")
    return folder


def patched_dpf(dpf: Path, folder: Path) -> Path:
    """Copy DPF's plugin half, with some faults mended.

    The VST3 wrapper of versions before December 2022, Debian's among them, hands over the first
    output bus alone; neither wrapper says that a host renders offline, or loops. The CLAP wrapper
    does not tell the host of parameters that the plugin moves, does not let it save them, has it
    restart once for a latency that it knows, crashes in hosts that ask for none, does nothing for a
    reset, and takes the steady clock for the transport's place.
    Versions that have something else in these places are left as they are.
    """
    shutil.copytree(dpf / "distrho", folder)
    for name, changes in PATCHES.items():
        path = folder / "src" / name
        text = path.read_text(encoding="utf-8")
        for old, new in changes:
            text = text.replace(old, new)
        path.write_text(text, encoding="utf-8")
    return folder
