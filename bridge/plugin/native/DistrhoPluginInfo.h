// What DPF wants to know of the plugin before it is compiled.
// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// Called by DPF's wrappers, as they are mended in bridge/plugin/build.py: the host renders to a file.
void restem_set_offline(void* plugin, bool offline);

#define DISTRHO_PLUGIN_BRAND "restem"
#define DISTRHO_PLUGIN_NAME "restem"
#define DISTRHO_PLUGIN_URI "urn:restem:stems"
#define DISTRHO_PLUGIN_CLAP_ID "restem.stems"

#define DISTRHO_PLUGIN_NUM_INPUTS 2
#define DISTRHO_PLUGIN_NUM_OUTPUTS 18
#define DISTRHO_PLUGIN_HAS_UI 0
#define DISTRHO_PLUGIN_IS_RT_SAFE 1
#define DISTRHO_PLUGIN_WANT_LATENCY 1
#define DISTRHO_PLUGIN_WANT_TIMEPOS 1
#define DISTRHO_PLUGIN_WANT_PARAMETER_VALUE_CHANGE_REQUEST 1

#define DISTRHO_PLUGIN_CLAP_FEATURES "audio-effect", "stereo"
#define DISTRHO_PLUGIN_LV2_CATEGORY "lv2:UtilityPlugin"
#define DISTRHO_PLUGIN_VST3_CATEGORIES "Fx|Stereo"
