{
 "patcher": {
  "fileversion": 1,
  "appversion": {
   "major": 8,
   "minor": 5,
   "revision": 5,
   "architecture": "x64",
   "modernui": 1
  },
  "classnamespace": "box",
  "rect": [
   80.0,
   100.0,
   1276.0,
   240.0
  ],
  "bglocked": 0,
  "openinpresentation": 1,
  "default_fontsize": 12.0,
  "default_fontface": 0,
  "default_fontname": "Arial",
  "gridonopen": 1,
  "gridsize": [
   15.0,
   15.0
  ],
  "gridsnaponopen": 1,
  "objectsnaponopen": 1,
  "statusbarvisible": 2,
  "toolbarvisible": 1,
  "lefttoolbarpinned": 0,
  "toptoolbarpinned": 0,
  "righttoolbarpinned": 0,
  "bottomtoolbarpinned": 0,
  "toolbars_unpinned_last_save": 0,
  "tallnewobj": 0,
  "boxanimatetime": 200,
  "enablehscroll": 1,
  "enablevscroll": 1,
  "devicewidth": 1276.0,
  "description": "",
  "digest": "",
  "tags": "",
  "style": "",
  "subpatcher_template": "",
  "assistshowspatchername": 0,
  "boxes": [
   {
    "box": {
     "id": "obj-1",
     "maxclass": "newobj",
     "numinlets": 0,
     "numoutlets": 1,
     "patching_rect": [
      400,
      20,
      80,
      22
     ],
     "patcher": {
      "fileversion": 1,
      "appversion": {
       "major": 8,
       "minor": 5,
       "revision": 5,
       "architecture": "x64",
       "modernui": 1
      },
      "classnamespace": "box",
      "rect": [
       85.0,
       104.0,
       640.0,
       480.0
      ],
      "bglocked": 0,
      "openinpresentation": 0,
      "default_fontsize": 12.0,
      "default_fontface": 0,
      "default_fontname": "Arial",
      "gridonopen": 1,
      "gridsize": [
       15.0,
       15.0
      ],
      "gridsnaponopen": 1,
      "objectsnaponopen": 1,
      "statusbarvisible": 2,
      "toolbarvisible": 1,
      "lefttoolbarpinned": 0,
      "toptoolbarpinned": 0,
      "righttoolbarpinned": 0,
      "bottomtoolbarpinned": 0,
      "toolbars_unpinned_last_save": 0,
      "tallnewobj": 0,
      "boxanimatetime": 200,
      "enablehscroll": 1,
      "enablevscroll": 1,
      "devicewidth": 0.0,
      "description": "",
      "digest": "",
      "tags": "",
      "style": "",
      "subpatcher_template": "",
      "assistshowspatchername": 0,
      "boxes": [
       {
        "box": {
         "id": "obj-1",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          20,
          20,
          126.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "r restem-packets"
        }
       },
       {
        "box": {
         "id": "obj-2",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          20,
          46,
          168.0,
          22
         ],
         "outlettype": [],
         "text": "udpsend 127.0.0.1 7770"
        }
       },
       {
        "box": {
         "id": "obj-3",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          240,
          20,
          119.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "udpreceive 7771"
        }
       },
       {
        "box": {
         "id": "obj-4",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          240,
          46,
          91.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-in"
        }
       },
       {
        "box": {
         "id": "obj-5",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          420,
          20,
          119.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "r restem-listen"
        }
       },
       {
        "box": {
         "id": "obj-6",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 3,
         "patching_rect": [
          420,
          46,
          63.0,
          22
         ],
         "outlettype": [
          "",
          "",
          ""
         ],
         "text": "t b i i"
        }
       },
       {
        "box": {
         "id": "obj-7",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          480,
          124,
          98.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend port"
        }
       },
       {
        "box": {
         "id": "obj-8",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          420,
          72,
          140.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-subscribe"
        }
       },
       {
        "box": {
         "id": "obj-9",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          450,
          98,
          105.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-port"
        }
       },
       {
        "box": {
         "id": "obj-10",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          640,
          20,
          126.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "r restem-connect"
        }
       },
       {
        "box": {
         "id": "obj-11",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 2,
         "patching_rect": [
          640,
          46,
          49.0,
          22
         ],
         "outlettype": [
          "",
          ""
         ],
         "text": "t b l"
        }
       },
       {
        "box": {
         "id": "obj-12",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 2,
         "patching_rect": [
          670,
          98,
          84.0,
          22
         ],
         "outlettype": [
          "",
          ""
         ],
         "text": "unpack s i"
        }
       },
       {
        "box": {
         "id": "obj-13",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          640,
          72,
          140.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-subscribe"
        }
       },
       {
        "box": {
         "id": "obj-14",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          670,
          124,
          98.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend host"
        }
       },
       {
        "box": {
         "id": "obj-15",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          780,
          124,
          98.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend port"
        }
       },
       {
        "box": {
         "id": "obj-16",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          920,
          20,
          84.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "loadmess 1"
        }
       },
       {
        "box": {
         "id": "obj-17",
         "maxclass": "newobj",
         "numinlets": 2,
         "numoutlets": 1,
         "patching_rect": [
          920,
          46,
          84.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "metro 4000"
        }
       },
       {
        "box": {
         "id": "obj-18",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          920,
          72,
          112.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-renew"
        }
       },
       {
        "box": {
         "id": "obj-19",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          20,
          240,
          112.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "r restem-reply"
        }
       },
       {
        "box": {
         "id": "obj-20",
         "maxclass": "newobj",
         "numinlets": 2,
         "numoutlets": 1,
         "patching_rect": [
          20,
          266,
          56.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "i 7771"
        }
       },
       {
        "box": {
         "id": "obj-21",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          20,
          292,
          182.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend /restem/reply_to"
        }
       },
       {
        "box": {
         "id": "obj-22",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          20,
          318,
          126.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-packets"
        }
       },
       {
        "box": {
         "id": "obj-23",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          180,
          240,
          140.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "r restem-subscribe"
        }
       },
       {
        "box": {
         "id": "obj-24",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 2,
         "patching_rect": [
          180,
          266,
          49.0,
          22
         ],
         "outlettype": [
          "",
          ""
         ],
         "text": "t b b"
        }
       },
       {
        "box": {
         "id": "obj-25",
         "maxclass": "newobj",
         "numinlets": 2,
         "numoutlets": 1,
         "patching_rect": [
          180,
          318,
          56.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "i 7771"
        }
       },
       {
        "box": {
         "id": "obj-26",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          210,
          292,
          112.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-reply"
        }
       },
       {
        "box": {
         "id": "obj-27",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          640,
          500,
          189.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend /restem/subscribe"
        }
       },
       {
        "box": {
         "id": "obj-28",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          640,
          526,
          126.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-packets"
        }
       },
       {
        "box": {
         "id": "obj-29",
         "maxclass": "message",
         "numinlets": 2,
         "numoutlets": 1,
         "patching_rect": [
          640,
          240,
          161.0,
          22
         ],
         "text": "/restem/stem 20 10 $1",
         "outlettype": [
          ""
         ]
        }
       },
       {
        "box": {
         "id": "obj-30",
         "maxclass": "message",
         "numinlets": 2,
         "numoutlets": 1,
         "patching_rect": [
          640,
          266,
          182.0,
          22
         ],
         "text": "/restem/dry_wet 20 10 $1",
         "outlettype": [
          ""
         ]
        }
       },
       {
        "box": {
         "id": "obj-31",
         "maxclass": "message",
         "numinlets": 2,
         "numoutlets": 1,
         "patching_rect": [
          640,
          292,
          231.0,
          22
         ],
         "text": "/restem/master_gain_db 20 10 $1",
         "outlettype": [
          ""
         ]
        }
       },
       {
        "box": {
         "id": "obj-32",
         "maxclass": "message",
         "numinlets": 2,
         "numoutlets": 1,
         "patching_rect": [
          640,
          318,
          175.0,
          22
         ],
         "text": "/restem/bypass 20 10 $1",
         "outlettype": [
          ""
         ]
        }
       },
       {
        "box": {
         "id": "obj-33",
         "maxclass": "message",
         "numinlets": 2,
         "numoutlets": 1,
         "patching_rect": [
          640,
          344,
          182.0,
          22
         ],
         "text": "/restem/ceiling 20 10 $1",
         "outlettype": [
          ""
         ]
        }
       },
       {
        "box": {
         "id": "obj-34",
         "maxclass": "message",
         "numinlets": 2,
         "numoutlets": 1,
         "patching_rect": [
          640,
          370,
          175.0,
          22
         ],
         "text": "/restem/record 20 10 $1",
         "outlettype": [
          ""
         ]
        }
       },
       {
        "box": {
         "id": "obj-35",
         "maxclass": "message",
         "numinlets": 2,
         "numoutlets": 1,
         "patching_rect": [
          640,
          396,
          189.0,
          22
         ],
         "text": "/restem/profiles 20 10 $1",
         "outlettype": [
          ""
         ]
        }
       },
       {
        "box": {
         "id": "obj-36",
         "maxclass": "message",
         "numinlets": 2,
         "numoutlets": 1,
         "patching_rect": [
          640,
          422,
          182.0,
          22
         ],
         "text": "/restem/profile 20 10 $1",
         "outlettype": [
          ""
         ]
        }
       },
       {
        "box": {
         "id": "obj-37",
         "maxclass": "message",
         "numinlets": 2,
         "numoutlets": 1,
         "patching_rect": [
          640,
          448,
          175.0,
          22
         ],
         "text": "/restem/meters 20 10 $1",
         "outlettype": [
          ""
         ]
        }
       },
       {
        "box": {
         "id": "obj-38",
         "maxclass": "message",
         "numinlets": 2,
         "numoutlets": 1,
         "patching_rect": [
          640,
          474,
          168.0,
          22
         ],
         "text": "/restem/status 2 10 $1",
         "outlettype": [
          ""
         ]
        }
       },
       {
        "box": {
         "id": "obj-39",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          340,
          240,
          112.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "r restem-renew"
        }
       },
       {
        "box": {
         "id": "obj-40",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 2,
         "patching_rect": [
          340,
          266,
          49.0,
          22
         ],
         "outlettype": [
          "",
          ""
         ],
         "text": "t b b"
        }
       },
       {
        "box": {
         "id": "obj-41",
         "maxclass": "message",
         "numinlets": 2,
         "numoutlets": 1,
         "patching_rect": [
          340,
          318,
          105.0,
          22
         ],
         "text": "/restem/renew",
         "outlettype": [
          ""
         ]
        }
       },
       {
        "box": {
         "id": "obj-42",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          340,
          344,
          126.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-packets"
        }
       },
       {
        "box": {
         "id": "obj-43",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          370,
          292,
          112.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-reply"
        }
       },
       {
        "box": {
         "id": "obj-44",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          500,
          240,
          105.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "r restem-port"
        }
       },
       {
        "box": {
         "id": "obj-45",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          500,
          266,
          105.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "r restem-port"
        }
       },
       {
        "box": {
         "id": "obj-46",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          960,
          240,
          112.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "r restem-error"
        }
       },
       {
        "box": {
         "id": "obj-47",
         "maxclass": "newobj",
         "numinlets": 2,
         "numoutlets": 2,
         "patching_rect": [
          960,
          266,
          147.0,
          22
         ],
         "outlettype": [
          "",
          ""
         ],
         "text": "route /restem/renew"
        }
       },
       {
        "box": {
         "id": "obj-48",
         "maxclass": "newobj",
         "numinlets": 2,
         "numoutlets": 2,
         "patching_rect": [
          960,
          292,
          161.0,
          22
         ],
         "outlettype": [
          "",
          ""
         ],
         "text": "route no_subscription"
        }
       },
       {
        "box": {
         "id": "obj-49",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          960,
          318,
          35.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "t b"
        }
       },
       {
        "box": {
         "id": "obj-50",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          960,
          344,
          140.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-subscribe"
        }
       },
       {
        "box": {
         "id": "obj-51",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          20,
          620,
          203.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "r restem-vocals-gain_db-out"
        }
       },
       {
        "box": {
         "id": "obj-52",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          20,
          646,
          259.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend /restem/stem/vocals/gain_db"
        }
       },
       {
        "box": {
         "id": "obj-53",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          20,
          672,
          126.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-packets"
        }
       },
       {
        "box": {
         "id": "obj-54",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          340,
          620,
          189.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "r restem-vocals-fader-out"
        }
       },
       {
        "box": {
         "id": "obj-55",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          340,
          646,
          245.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend /restem/stem/vocals/fader"
        }
       },
       {
        "box": {
         "id": "obj-56",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          340,
          672,
          126.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-packets"
        }
       },
       {
        "box": {
         "id": "obj-57",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          660,
          620,
          182.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "r restem-vocals-mute-out"
        }
       },
       {
        "box": {
         "id": "obj-58",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          660,
          646,
          238.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend /restem/stem/vocals/mute"
        }
       },
       {
        "box": {
         "id": "obj-59",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          660,
          672,
          126.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-packets"
        }
       },
       {
        "box": {
         "id": "obj-60",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          980,
          620,
          182.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "r restem-vocals-solo-out"
        }
       },
       {
        "box": {
         "id": "obj-61",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          980,
          646,
          238.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend /restem/stem/vocals/solo"
        }
       },
       {
        "box": {
         "id": "obj-62",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          980,
          672,
          126.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-packets"
        }
       },
       {
        "box": {
         "id": "obj-63",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          20,
          740,
          175.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "r restem-vocals-pan-out"
        }
       },
       {
        "box": {
         "id": "obj-64",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          20,
          766,
          231.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend /restem/stem/vocals/pan"
        }
       },
       {
        "box": {
         "id": "obj-65",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          20,
          792,
          126.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-packets"
        }
       },
       {
        "box": {
         "id": "obj-66",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          340,
          740,
          210.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "r restem-guitars-gain_db-out"
        }
       },
       {
        "box": {
         "id": "obj-67",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          340,
          766,
          266.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend /restem/stem/guitars/gain_db"
        }
       },
       {
        "box": {
         "id": "obj-68",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          340,
          792,
          126.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-packets"
        }
       },
       {
        "box": {
         "id": "obj-69",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          660,
          740,
          196.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "r restem-guitars-fader-out"
        }
       },
       {
        "box": {
         "id": "obj-70",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          660,
          766,
          252.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend /restem/stem/guitars/fader"
        }
       },
       {
        "box": {
         "id": "obj-71",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          660,
          792,
          126.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-packets"
        }
       },
       {
        "box": {
         "id": "obj-72",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          980,
          740,
          189.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "r restem-guitars-mute-out"
        }
       },
       {
        "box": {
         "id": "obj-73",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          980,
          766,
          245.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend /restem/stem/guitars/mute"
        }
       },
       {
        "box": {
         "id": "obj-74",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          980,
          792,
          126.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-packets"
        }
       },
       {
        "box": {
         "id": "obj-75",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          20,
          860,
          189.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "r restem-guitars-solo-out"
        }
       },
       {
        "box": {
         "id": "obj-76",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          20,
          886,
          245.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend /restem/stem/guitars/solo"
        }
       },
       {
        "box": {
         "id": "obj-77",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          20,
          912,
          126.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-packets"
        }
       },
       {
        "box": {
         "id": "obj-78",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          340,
          860,
          182.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "r restem-guitars-pan-out"
        }
       },
       {
        "box": {
         "id": "obj-79",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          340,
          886,
          238.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend /restem/stem/guitars/pan"
        }
       },
       {
        "box": {
         "id": "obj-80",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          340,
          912,
          126.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-packets"
        }
       },
       {
        "box": {
         "id": "obj-81",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          660,
          860,
          224.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "r restem-keyboards-gain_db-out"
        }
       },
       {
        "box": {
         "id": "obj-82",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          660,
          886,
          280.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend /restem/stem/keyboards/gain_db"
        }
       },
       {
        "box": {
         "id": "obj-83",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          660,
          912,
          126.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-packets"
        }
       },
       {
        "box": {
         "id": "obj-84",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          980,
          860,
          210.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "r restem-keyboards-fader-out"
        }
       },
       {
        "box": {
         "id": "obj-85",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          980,
          886,
          266.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend /restem/stem/keyboards/fader"
        }
       },
       {
        "box": {
         "id": "obj-86",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          980,
          912,
          126.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-packets"
        }
       },
       {
        "box": {
         "id": "obj-87",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          20,
          980,
          203.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "r restem-keyboards-mute-out"
        }
       },
       {
        "box": {
         "id": "obj-88",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          20,
          1006,
          259.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend /restem/stem/keyboards/mute"
        }
       },
       {
        "box": {
         "id": "obj-89",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          20,
          1032,
          126.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-packets"
        }
       },
       {
        "box": {
         "id": "obj-90",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          340,
          980,
          203.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "r restem-keyboards-solo-out"
        }
       },
       {
        "box": {
         "id": "obj-91",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          340,
          1006,
          259.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend /restem/stem/keyboards/solo"
        }
       },
       {
        "box": {
         "id": "obj-92",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          340,
          1032,
          126.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-packets"
        }
       },
       {
        "box": {
         "id": "obj-93",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          660,
          980,
          196.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "r restem-keyboards-pan-out"
        }
       },
       {
        "box": {
         "id": "obj-94",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          660,
          1006,
          252.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend /restem/stem/keyboards/pan"
        }
       },
       {
        "box": {
         "id": "obj-95",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          660,
          1032,
          126.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-packets"
        }
       },
       {
        "box": {
         "id": "obj-96",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          980,
          980,
          245.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "r restem-synthesizers-gain_db-out"
        }
       },
       {
        "box": {
         "id": "obj-97",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          980,
          1006,
          301.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend /restem/stem/synthesizers/gain_db"
        }
       },
       {
        "box": {
         "id": "obj-98",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          980,
          1032,
          126.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-packets"
        }
       },
       {
        "box": {
         "id": "obj-99",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          20,
          1100,
          231.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "r restem-synthesizers-fader-out"
        }
       },
       {
        "box": {
         "id": "obj-100",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          20,
          1126,
          287.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend /restem/stem/synthesizers/fader"
        }
       },
       {
        "box": {
         "id": "obj-101",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          20,
          1152,
          126.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-packets"
        }
       },
       {
        "box": {
         "id": "obj-102",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          340,
          1100,
          224.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "r restem-synthesizers-mute-out"
        }
       },
       {
        "box": {
         "id": "obj-103",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          340,
          1126,
          280.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend /restem/stem/synthesizers/mute"
        }
       },
       {
        "box": {
         "id": "obj-104",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          340,
          1152,
          126.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-packets"
        }
       },
       {
        "box": {
         "id": "obj-105",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          660,
          1100,
          224.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "r restem-synthesizers-solo-out"
        }
       },
       {
        "box": {
         "id": "obj-106",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          660,
          1126,
          280.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend /restem/stem/synthesizers/solo"
        }
       },
       {
        "box": {
         "id": "obj-107",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          660,
          1152,
          126.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-packets"
        }
       },
       {
        "box": {
         "id": "obj-108",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          980,
          1100,
          217.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "r restem-synthesizers-pan-out"
        }
       },
       {
        "box": {
         "id": "obj-109",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          980,
          1126,
          273.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend /restem/stem/synthesizers/pan"
        }
       },
       {
        "box": {
         "id": "obj-110",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          980,
          1152,
          126.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-packets"
        }
       },
       {
        "box": {
         "id": "obj-111",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          20,
          1220,
          189.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "r restem-bass-gain_db-out"
        }
       },
       {
        "box": {
         "id": "obj-112",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          20,
          1246,
          245.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend /restem/stem/bass/gain_db"
        }
       },
       {
        "box": {
         "id": "obj-113",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          20,
          1272,
          126.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-packets"
        }
       },
       {
        "box": {
         "id": "obj-114",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          340,
          1220,
          175.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "r restem-bass-fader-out"
        }
       },
       {
        "box": {
         "id": "obj-115",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          340,
          1246,
          231.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend /restem/stem/bass/fader"
        }
       },
       {
        "box": {
         "id": "obj-116",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          340,
          1272,
          126.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-packets"
        }
       },
       {
        "box": {
         "id": "obj-117",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          660,
          1220,
          168.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "r restem-bass-mute-out"
        }
       },
       {
        "box": {
         "id": "obj-118",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          660,
          1246,
          224.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend /restem/stem/bass/mute"
        }
       },
       {
        "box": {
         "id": "obj-119",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          660,
          1272,
          126.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-packets"
        }
       },
       {
        "box": {
         "id": "obj-120",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          980,
          1220,
          168.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "r restem-bass-solo-out"
        }
       },
       {
        "box": {
         "id": "obj-121",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          980,
          1246,
          224.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend /restem/stem/bass/solo"
        }
       },
       {
        "box": {
         "id": "obj-122",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          980,
          1272,
          126.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-packets"
        }
       },
       {
        "box": {
         "id": "obj-123",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          20,
          1340,
          161.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "r restem-bass-pan-out"
        }
       },
       {
        "box": {
         "id": "obj-124",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          20,
          1366,
          217.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend /restem/stem/bass/pan"
        }
       },
       {
        "box": {
         "id": "obj-125",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          20,
          1392,
          126.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-packets"
        }
       },
       {
        "box": {
         "id": "obj-126",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          340,
          1340,
          196.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "r restem-drums-gain_db-out"
        }
       },
       {
        "box": {
         "id": "obj-127",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          340,
          1366,
          252.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend /restem/stem/drums/gain_db"
        }
       },
       {
        "box": {
         "id": "obj-128",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          340,
          1392,
          126.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-packets"
        }
       },
       {
        "box": {
         "id": "obj-129",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          660,
          1340,
          182.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "r restem-drums-fader-out"
        }
       },
       {
        "box": {
         "id": "obj-130",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          660,
          1366,
          238.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend /restem/stem/drums/fader"
        }
       },
       {
        "box": {
         "id": "obj-131",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          660,
          1392,
          126.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-packets"
        }
       },
       {
        "box": {
         "id": "obj-132",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          980,
          1340,
          175.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "r restem-drums-mute-out"
        }
       },
       {
        "box": {
         "id": "obj-133",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          980,
          1366,
          231.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend /restem/stem/drums/mute"
        }
       },
       {
        "box": {
         "id": "obj-134",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          980,
          1392,
          126.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-packets"
        }
       },
       {
        "box": {
         "id": "obj-135",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          20,
          1460,
          175.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "r restem-drums-solo-out"
        }
       },
       {
        "box": {
         "id": "obj-136",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          20,
          1486,
          231.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend /restem/stem/drums/solo"
        }
       },
       {
        "box": {
         "id": "obj-137",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          20,
          1512,
          126.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-packets"
        }
       },
       {
        "box": {
         "id": "obj-138",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          340,
          1460,
          168.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "r restem-drums-pan-out"
        }
       },
       {
        "box": {
         "id": "obj-139",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          340,
          1486,
          224.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend /restem/stem/drums/pan"
        }
       },
       {
        "box": {
         "id": "obj-140",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          340,
          1512,
          126.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-packets"
        }
       },
       {
        "box": {
         "id": "obj-141",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          660,
          1460,
          238.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "r restem-percussions-gain_db-out"
        }
       },
       {
        "box": {
         "id": "obj-142",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          660,
          1486,
          294.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend /restem/stem/percussions/gain_db"
        }
       },
       {
        "box": {
         "id": "obj-143",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          660,
          1512,
          126.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-packets"
        }
       },
       {
        "box": {
         "id": "obj-144",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          980,
          1460,
          224.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "r restem-percussions-fader-out"
        }
       },
       {
        "box": {
         "id": "obj-145",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          980,
          1486,
          280.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend /restem/stem/percussions/fader"
        }
       },
       {
        "box": {
         "id": "obj-146",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          980,
          1512,
          126.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-packets"
        }
       },
       {
        "box": {
         "id": "obj-147",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          20,
          1580,
          217.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "r restem-percussions-mute-out"
        }
       },
       {
        "box": {
         "id": "obj-148",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          20,
          1606,
          273.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend /restem/stem/percussions/mute"
        }
       },
       {
        "box": {
         "id": "obj-149",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          20,
          1632,
          126.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-packets"
        }
       },
       {
        "box": {
         "id": "obj-150",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          340,
          1580,
          217.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "r restem-percussions-solo-out"
        }
       },
       {
        "box": {
         "id": "obj-151",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          340,
          1606,
          273.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend /restem/stem/percussions/solo"
        }
       },
       {
        "box": {
         "id": "obj-152",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          340,
          1632,
          126.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-packets"
        }
       },
       {
        "box": {
         "id": "obj-153",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          660,
          1580,
          210.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "r restem-percussions-pan-out"
        }
       },
       {
        "box": {
         "id": "obj-154",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          660,
          1606,
          266.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend /restem/stem/percussions/pan"
        }
       },
       {
        "box": {
         "id": "obj-155",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          660,
          1632,
          126.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-packets"
        }
       },
       {
        "box": {
         "id": "obj-156",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          980,
          1580,
          231.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "r restem-orchestral-gain_db-out"
        }
       },
       {
        "box": {
         "id": "obj-157",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          980,
          1606,
          287.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend /restem/stem/orchestral/gain_db"
        }
       },
       {
        "box": {
         "id": "obj-158",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          980,
          1632,
          126.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-packets"
        }
       },
       {
        "box": {
         "id": "obj-159",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          20,
          1700,
          217.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "r restem-orchestral-fader-out"
        }
       },
       {
        "box": {
         "id": "obj-160",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          20,
          1726,
          273.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend /restem/stem/orchestral/fader"
        }
       },
       {
        "box": {
         "id": "obj-161",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          20,
          1752,
          126.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-packets"
        }
       },
       {
        "box": {
         "id": "obj-162",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          340,
          1700,
          210.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "r restem-orchestral-mute-out"
        }
       },
       {
        "box": {
         "id": "obj-163",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          340,
          1726,
          266.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend /restem/stem/orchestral/mute"
        }
       },
       {
        "box": {
         "id": "obj-164",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          340,
          1752,
          126.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-packets"
        }
       },
       {
        "box": {
         "id": "obj-165",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          660,
          1700,
          210.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "r restem-orchestral-solo-out"
        }
       },
       {
        "box": {
         "id": "obj-166",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          660,
          1726,
          266.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend /restem/stem/orchestral/solo"
        }
       },
       {
        "box": {
         "id": "obj-167",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          660,
          1752,
          126.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-packets"
        }
       },
       {
        "box": {
         "id": "obj-168",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          980,
          1700,
          203.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "r restem-orchestral-pan-out"
        }
       },
       {
        "box": {
         "id": "obj-169",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          980,
          1726,
          259.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend /restem/stem/orchestral/pan"
        }
       },
       {
        "box": {
         "id": "obj-170",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          980,
          1752,
          126.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-packets"
        }
       },
       {
        "box": {
         "id": "obj-171",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          20,
          1820,
          217.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "r restem-residual-gain_db-out"
        }
       },
       {
        "box": {
         "id": "obj-172",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          20,
          1846,
          273.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend /restem/stem/residual/gain_db"
        }
       },
       {
        "box": {
         "id": "obj-173",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          20,
          1872,
          126.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-packets"
        }
       },
       {
        "box": {
         "id": "obj-174",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          340,
          1820,
          203.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "r restem-residual-fader-out"
        }
       },
       {
        "box": {
         "id": "obj-175",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          340,
          1846,
          259.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend /restem/stem/residual/fader"
        }
       },
       {
        "box": {
         "id": "obj-176",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          340,
          1872,
          126.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-packets"
        }
       },
       {
        "box": {
         "id": "obj-177",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          660,
          1820,
          196.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "r restem-residual-mute-out"
        }
       },
       {
        "box": {
         "id": "obj-178",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          660,
          1846,
          252.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend /restem/stem/residual/mute"
        }
       },
       {
        "box": {
         "id": "obj-179",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          660,
          1872,
          126.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-packets"
        }
       },
       {
        "box": {
         "id": "obj-180",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          980,
          1820,
          196.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "r restem-residual-solo-out"
        }
       },
       {
        "box": {
         "id": "obj-181",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          980,
          1846,
          252.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend /restem/stem/residual/solo"
        }
       },
       {
        "box": {
         "id": "obj-182",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          980,
          1872,
          126.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-packets"
        }
       },
       {
        "box": {
         "id": "obj-183",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          20,
          1940,
          189.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "r restem-residual-pan-out"
        }
       },
       {
        "box": {
         "id": "obj-184",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          20,
          1966,
          245.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend /restem/stem/residual/pan"
        }
       },
       {
        "box": {
         "id": "obj-185",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          20,
          1992,
          126.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-packets"
        }
       },
       {
        "box": {
         "id": "obj-186",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          340,
          1940,
          154.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "r restem-dry_wet-out"
        }
       },
       {
        "box": {
         "id": "obj-187",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          340,
          1966,
          175.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend /restem/dry_wet"
        }
       },
       {
        "box": {
         "id": "obj-188",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          340,
          1992,
          126.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-packets"
        }
       },
       {
        "box": {
         "id": "obj-189",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          660,
          1940,
          203.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "r restem-master_gain_db-out"
        }
       },
       {
        "box": {
         "id": "obj-190",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          660,
          1966,
          224.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend /restem/master_gain_db"
        }
       },
       {
        "box": {
         "id": "obj-191",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          660,
          1992,
          126.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-packets"
        }
       },
       {
        "box": {
         "id": "obj-192",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          980,
          1940,
          147.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "r restem-bypass-out"
        }
       },
       {
        "box": {
         "id": "obj-193",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          980,
          1966,
          168.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend /restem/bypass"
        }
       },
       {
        "box": {
         "id": "obj-194",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          980,
          1992,
          126.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-packets"
        }
       },
       {
        "box": {
         "id": "obj-195",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          20,
          2060,
          154.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "r restem-ceiling-out"
        }
       },
       {
        "box": {
         "id": "obj-196",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          20,
          2086,
          175.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend /restem/ceiling"
        }
       },
       {
        "box": {
         "id": "obj-197",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          20,
          2112,
          126.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-packets"
        }
       },
       {
        "box": {
         "id": "obj-198",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          340,
          2060,
          147.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "r restem-record-out"
        }
       },
       {
        "box": {
         "id": "obj-199",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          340,
          2086,
          168.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend /restem/record"
        }
       },
       {
        "box": {
         "id": "obj-200",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          340,
          2112,
          126.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-packets"
        }
       },
       {
        "box": {
         "id": "obj-201",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          660,
          2060,
          140.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "r restem-reset-out"
        }
       },
       {
        "box": {
         "id": "obj-202",
         "maxclass": "message",
         "numinlets": 2,
         "numoutlets": 1,
         "patching_rect": [
          660,
          2086,
          105.0,
          22
         ],
         "text": "/restem/reset",
         "outlettype": [
          ""
         ]
        }
       },
       {
        "box": {
         "id": "obj-203",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          660,
          2112,
          126.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-packets"
        }
       },
       {
        "box": {
         "id": "obj-204",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          980,
          2060,
          140.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "r restem-panic-out"
        }
       },
       {
        "box": {
         "id": "obj-205",
         "maxclass": "message",
         "numinlets": 2,
         "numoutlets": 1,
         "patching_rect": [
          980,
          2086,
          105.0,
          22
         ],
         "text": "/restem/panic",
         "outlettype": [
          ""
         ]
        }
       },
       {
        "box": {
         "id": "obj-206",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          980,
          2112,
          126.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-packets"
        }
       },
       {
        "box": {
         "id": "obj-207",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          20,
          2180,
          154.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "r restem-profile-out"
        }
       },
       {
        "box": {
         "id": "obj-208",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          20,
          2206,
          175.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend /restem/profile"
        }
       },
       {
        "box": {
         "id": "obj-209",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          20,
          2232,
          126.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-packets"
        }
       },
       {
        "box": {
         "id": "obj-210",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          1400.0,
          20.0,
          91.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "r restem-in"
        }
       },
       {
        "box": {
         "id": "obj-211",
         "maxclass": "newobj",
         "numinlets": 6,
         "numoutlets": 6,
         "patching_rect": [
          1400.0,
          50.0,
          945.0,
          22
         ],
         "outlettype": [
          "",
          "",
          "",
          "",
          "",
          ""
         ],
         "text": "route /restem/stem/vocals/gain_db /restem/stem/vocals/fader /restem/stem/vocals/mute /restem/stem/vocals/solo /restem/stem/vocals/pan"
        }
       },
       {
        "box": {
         "id": "obj-212",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          1400.0,
          80.0,
          91.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend set"
        }
       },
       {
        "box": {
         "id": "obj-213",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          1400.0,
          106.0,
          175.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-vocals-gain_db"
        }
       },
       {
        "box": {
         "id": "obj-214",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          1660.0,
          80.0,
          91.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend set"
        }
       },
       {
        "box": {
         "id": "obj-215",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          1660.0,
          106.0,
          161.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-vocals-fader"
        }
       },
       {
        "box": {
         "id": "obj-216",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          1920.0,
          80.0,
          91.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend set"
        }
       },
       {
        "box": {
         "id": "obj-217",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          1920.0,
          106.0,
          154.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-vocals-mute"
        }
       },
       {
        "box": {
         "id": "obj-218",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          2180.0,
          80.0,
          91.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend set"
        }
       },
       {
        "box": {
         "id": "obj-219",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          2180.0,
          106.0,
          154.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-vocals-solo"
        }
       },
       {
        "box": {
         "id": "obj-220",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          2440.0,
          80.0,
          91.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend set"
        }
       },
       {
        "box": {
         "id": "obj-221",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          2440.0,
          106.0,
          147.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-vocals-pan"
        }
       },
       {
        "box": {
         "id": "obj-222",
         "maxclass": "newobj",
         "numinlets": 6,
         "numoutlets": 6,
         "patching_rect": [
          1400.0,
          170.0,
          980.0,
          22
         ],
         "outlettype": [
          "",
          "",
          "",
          "",
          "",
          ""
         ],
         "text": "route /restem/stem/guitars/gain_db /restem/stem/guitars/fader /restem/stem/guitars/mute /restem/stem/guitars/solo /restem/stem/guitars/pan"
        }
       },
       {
        "box": {
         "id": "obj-223",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          1400.0,
          200.0,
          91.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend set"
        }
       },
       {
        "box": {
         "id": "obj-224",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          1400.0,
          226.0,
          182.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-guitars-gain_db"
        }
       },
       {
        "box": {
         "id": "obj-225",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          1660.0,
          200.0,
          91.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend set"
        }
       },
       {
        "box": {
         "id": "obj-226",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          1660.0,
          226.0,
          168.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-guitars-fader"
        }
       },
       {
        "box": {
         "id": "obj-227",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          1920.0,
          200.0,
          91.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend set"
        }
       },
       {
        "box": {
         "id": "obj-228",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          1920.0,
          226.0,
          161.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-guitars-mute"
        }
       },
       {
        "box": {
         "id": "obj-229",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          2180.0,
          200.0,
          91.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend set"
        }
       },
       {
        "box": {
         "id": "obj-230",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          2180.0,
          226.0,
          161.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-guitars-solo"
        }
       },
       {
        "box": {
         "id": "obj-231",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          2440.0,
          200.0,
          91.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend set"
        }
       },
       {
        "box": {
         "id": "obj-232",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          2440.0,
          226.0,
          154.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-guitars-pan"
        }
       },
       {
        "box": {
         "id": "obj-233",
         "maxclass": "newobj",
         "numinlets": 6,
         "numoutlets": 6,
         "patching_rect": [
          1400.0,
          290.0,
          1050.0,
          22
         ],
         "outlettype": [
          "",
          "",
          "",
          "",
          "",
          ""
         ],
         "text": "route /restem/stem/keyboards/gain_db /restem/stem/keyboards/fader /restem/stem/keyboards/mute /restem/stem/keyboards/solo /restem/stem/keyboards/pan"
        }
       },
       {
        "box": {
         "id": "obj-234",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          1400.0,
          320.0,
          91.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend set"
        }
       },
       {
        "box": {
         "id": "obj-235",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          1400.0,
          346.0,
          196.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-keyboards-gain_db"
        }
       },
       {
        "box": {
         "id": "obj-236",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          1660.0,
          320.0,
          91.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend set"
        }
       },
       {
        "box": {
         "id": "obj-237",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          1660.0,
          346.0,
          182.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-keyboards-fader"
        }
       },
       {
        "box": {
         "id": "obj-238",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          1920.0,
          320.0,
          91.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend set"
        }
       },
       {
        "box": {
         "id": "obj-239",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          1920.0,
          346.0,
          175.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-keyboards-mute"
        }
       },
       {
        "box": {
         "id": "obj-240",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          2180.0,
          320.0,
          91.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend set"
        }
       },
       {
        "box": {
         "id": "obj-241",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          2180.0,
          346.0,
          175.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-keyboards-solo"
        }
       },
       {
        "box": {
         "id": "obj-242",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          2440.0,
          320.0,
          91.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend set"
        }
       },
       {
        "box": {
         "id": "obj-243",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          2440.0,
          346.0,
          168.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-keyboards-pan"
        }
       },
       {
        "box": {
         "id": "obj-244",
         "maxclass": "newobj",
         "numinlets": 6,
         "numoutlets": 6,
         "patching_rect": [
          1400.0,
          410.0,
          1155.0,
          22
         ],
         "outlettype": [
          "",
          "",
          "",
          "",
          "",
          ""
         ],
         "text": "route /restem/stem/synthesizers/gain_db /restem/stem/synthesizers/fader /restem/stem/synthesizers/mute /restem/stem/synthesizers/solo /restem/stem/synthesizers/pan"
        }
       },
       {
        "box": {
         "id": "obj-245",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          1400.0,
          440.0,
          91.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend set"
        }
       },
       {
        "box": {
         "id": "obj-246",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          1400.0,
          466.0,
          217.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-synthesizers-gain_db"
        }
       },
       {
        "box": {
         "id": "obj-247",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          1660.0,
          440.0,
          91.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend set"
        }
       },
       {
        "box": {
         "id": "obj-248",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          1660.0,
          466.0,
          203.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-synthesizers-fader"
        }
       },
       {
        "box": {
         "id": "obj-249",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          1920.0,
          440.0,
          91.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend set"
        }
       },
       {
        "box": {
         "id": "obj-250",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          1920.0,
          466.0,
          196.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-synthesizers-mute"
        }
       },
       {
        "box": {
         "id": "obj-251",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          2180.0,
          440.0,
          91.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend set"
        }
       },
       {
        "box": {
         "id": "obj-252",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          2180.0,
          466.0,
          196.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-synthesizers-solo"
        }
       },
       {
        "box": {
         "id": "obj-253",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          2440.0,
          440.0,
          91.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend set"
        }
       },
       {
        "box": {
         "id": "obj-254",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          2440.0,
          466.0,
          189.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-synthesizers-pan"
        }
       },
       {
        "box": {
         "id": "obj-255",
         "maxclass": "newobj",
         "numinlets": 6,
         "numoutlets": 6,
         "patching_rect": [
          1400.0,
          530.0,
          875.0,
          22
         ],
         "outlettype": [
          "",
          "",
          "",
          "",
          "",
          ""
         ],
         "text": "route /restem/stem/bass/gain_db /restem/stem/bass/fader /restem/stem/bass/mute /restem/stem/bass/solo /restem/stem/bass/pan"
        }
       },
       {
        "box": {
         "id": "obj-256",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          1400.0,
          560.0,
          91.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend set"
        }
       },
       {
        "box": {
         "id": "obj-257",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          1400.0,
          586.0,
          161.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-bass-gain_db"
        }
       },
       {
        "box": {
         "id": "obj-258",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          1660.0,
          560.0,
          91.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend set"
        }
       },
       {
        "box": {
         "id": "obj-259",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          1660.0,
          586.0,
          147.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-bass-fader"
        }
       },
       {
        "box": {
         "id": "obj-260",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          1920.0,
          560.0,
          91.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend set"
        }
       },
       {
        "box": {
         "id": "obj-261",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          1920.0,
          586.0,
          140.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-bass-mute"
        }
       },
       {
        "box": {
         "id": "obj-262",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          2180.0,
          560.0,
          91.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend set"
        }
       },
       {
        "box": {
         "id": "obj-263",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          2180.0,
          586.0,
          140.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-bass-solo"
        }
       },
       {
        "box": {
         "id": "obj-264",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          2440.0,
          560.0,
          91.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend set"
        }
       },
       {
        "box": {
         "id": "obj-265",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          2440.0,
          586.0,
          133.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-bass-pan"
        }
       },
       {
        "box": {
         "id": "obj-266",
         "maxclass": "newobj",
         "numinlets": 6,
         "numoutlets": 6,
         "patching_rect": [
          1400.0,
          650.0,
          910.0,
          22
         ],
         "outlettype": [
          "",
          "",
          "",
          "",
          "",
          ""
         ],
         "text": "route /restem/stem/drums/gain_db /restem/stem/drums/fader /restem/stem/drums/mute /restem/stem/drums/solo /restem/stem/drums/pan"
        }
       },
       {
        "box": {
         "id": "obj-267",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          1400.0,
          680.0,
          91.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend set"
        }
       },
       {
        "box": {
         "id": "obj-268",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          1400.0,
          706.0,
          168.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-drums-gain_db"
        }
       },
       {
        "box": {
         "id": "obj-269",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          1660.0,
          680.0,
          91.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend set"
        }
       },
       {
        "box": {
         "id": "obj-270",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          1660.0,
          706.0,
          154.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-drums-fader"
        }
       },
       {
        "box": {
         "id": "obj-271",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          1920.0,
          680.0,
          91.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend set"
        }
       },
       {
        "box": {
         "id": "obj-272",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          1920.0,
          706.0,
          147.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-drums-mute"
        }
       },
       {
        "box": {
         "id": "obj-273",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          2180.0,
          680.0,
          91.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend set"
        }
       },
       {
        "box": {
         "id": "obj-274",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          2180.0,
          706.0,
          147.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-drums-solo"
        }
       },
       {
        "box": {
         "id": "obj-275",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          2440.0,
          680.0,
          91.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend set"
        }
       },
       {
        "box": {
         "id": "obj-276",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          2440.0,
          706.0,
          140.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-drums-pan"
        }
       },
       {
        "box": {
         "id": "obj-277",
         "maxclass": "newobj",
         "numinlets": 6,
         "numoutlets": 6,
         "patching_rect": [
          1400.0,
          770.0,
          1120.0,
          22
         ],
         "outlettype": [
          "",
          "",
          "",
          "",
          "",
          ""
         ],
         "text": "route /restem/stem/percussions/gain_db /restem/stem/percussions/fader /restem/stem/percussions/mute /restem/stem/percussions/solo /restem/stem/percussions/pan"
        }
       },
       {
        "box": {
         "id": "obj-278",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          1400.0,
          800.0,
          91.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend set"
        }
       },
       {
        "box": {
         "id": "obj-279",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          1400.0,
          826.0,
          210.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-percussions-gain_db"
        }
       },
       {
        "box": {
         "id": "obj-280",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          1660.0,
          800.0,
          91.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend set"
        }
       },
       {
        "box": {
         "id": "obj-281",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          1660.0,
          826.0,
          196.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-percussions-fader"
        }
       },
       {
        "box": {
         "id": "obj-282",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          1920.0,
          800.0,
          91.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend set"
        }
       },
       {
        "box": {
         "id": "obj-283",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          1920.0,
          826.0,
          189.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-percussions-mute"
        }
       },
       {
        "box": {
         "id": "obj-284",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          2180.0,
          800.0,
          91.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend set"
        }
       },
       {
        "box": {
         "id": "obj-285",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          2180.0,
          826.0,
          189.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-percussions-solo"
        }
       },
       {
        "box": {
         "id": "obj-286",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          2440.0,
          800.0,
          91.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend set"
        }
       },
       {
        "box": {
         "id": "obj-287",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          2440.0,
          826.0,
          182.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-percussions-pan"
        }
       },
       {
        "box": {
         "id": "obj-288",
         "maxclass": "newobj",
         "numinlets": 6,
         "numoutlets": 6,
         "patching_rect": [
          1400.0,
          890.0,
          1085.0,
          22
         ],
         "outlettype": [
          "",
          "",
          "",
          "",
          "",
          ""
         ],
         "text": "route /restem/stem/orchestral/gain_db /restem/stem/orchestral/fader /restem/stem/orchestral/mute /restem/stem/orchestral/solo /restem/stem/orchestral/pan"
        }
       },
       {
        "box": {
         "id": "obj-289",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          1400.0,
          920.0,
          91.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend set"
        }
       },
       {
        "box": {
         "id": "obj-290",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          1400.0,
          946.0,
          203.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-orchestral-gain_db"
        }
       },
       {
        "box": {
         "id": "obj-291",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          1660.0,
          920.0,
          91.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend set"
        }
       },
       {
        "box": {
         "id": "obj-292",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          1660.0,
          946.0,
          189.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-orchestral-fader"
        }
       },
       {
        "box": {
         "id": "obj-293",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          1920.0,
          920.0,
          91.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend set"
        }
       },
       {
        "box": {
         "id": "obj-294",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          1920.0,
          946.0,
          182.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-orchestral-mute"
        }
       },
       {
        "box": {
         "id": "obj-295",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          2180.0,
          920.0,
          91.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend set"
        }
       },
       {
        "box": {
         "id": "obj-296",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          2180.0,
          946.0,
          182.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-orchestral-solo"
        }
       },
       {
        "box": {
         "id": "obj-297",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          2440.0,
          920.0,
          91.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend set"
        }
       },
       {
        "box": {
         "id": "obj-298",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          2440.0,
          946.0,
          175.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-orchestral-pan"
        }
       },
       {
        "box": {
         "id": "obj-299",
         "maxclass": "newobj",
         "numinlets": 6,
         "numoutlets": 6,
         "patching_rect": [
          1400.0,
          1010.0,
          1015.0,
          22
         ],
         "outlettype": [
          "",
          "",
          "",
          "",
          "",
          ""
         ],
         "text": "route /restem/stem/residual/gain_db /restem/stem/residual/fader /restem/stem/residual/mute /restem/stem/residual/solo /restem/stem/residual/pan"
        }
       },
       {
        "box": {
         "id": "obj-300",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          1400.0,
          1040.0,
          91.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend set"
        }
       },
       {
        "box": {
         "id": "obj-301",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          1400.0,
          1066.0,
          189.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-residual-gain_db"
        }
       },
       {
        "box": {
         "id": "obj-302",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          1660.0,
          1040.0,
          91.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend set"
        }
       },
       {
        "box": {
         "id": "obj-303",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          1660.0,
          1066.0,
          175.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-residual-fader"
        }
       },
       {
        "box": {
         "id": "obj-304",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          1920.0,
          1040.0,
          91.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend set"
        }
       },
       {
        "box": {
         "id": "obj-305",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          1920.0,
          1066.0,
          168.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-residual-mute"
        }
       },
       {
        "box": {
         "id": "obj-306",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          2180.0,
          1040.0,
          91.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend set"
        }
       },
       {
        "box": {
         "id": "obj-307",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          2180.0,
          1066.0,
          168.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-residual-solo"
        }
       },
       {
        "box": {
         "id": "obj-308",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          2440.0,
          1040.0,
          91.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend set"
        }
       },
       {
        "box": {
         "id": "obj-309",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          2440.0,
          1066.0,
          161.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-residual-pan"
        }
       },
       {
        "box": {
         "id": "obj-310",
         "maxclass": "newobj",
         "numinlets": 6,
         "numoutlets": 6,
         "patching_rect": [
          1400.0,
          1130.0,
          644.0,
          22
         ],
         "outlettype": [
          "",
          "",
          "",
          "",
          "",
          ""
         ],
         "text": "route /restem/dry_wet /restem/master_gain_db /restem/bypass /restem/ceiling /restem/record"
        }
       },
       {
        "box": {
         "id": "obj-311",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          1400.0,
          1160.0,
          91.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend set"
        }
       },
       {
        "box": {
         "id": "obj-312",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          1400.0,
          1186.0,
          126.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-dry_wet"
        }
       },
       {
        "box": {
         "id": "obj-313",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          1660.0,
          1160.0,
          91.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend set"
        }
       },
       {
        "box": {
         "id": "obj-314",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          1660.0,
          1186.0,
          175.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-master_gain_db"
        }
       },
       {
        "box": {
         "id": "obj-315",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          1920.0,
          1160.0,
          91.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend set"
        }
       },
       {
        "box": {
         "id": "obj-316",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          1920.0,
          1186.0,
          119.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-bypass"
        }
       },
       {
        "box": {
         "id": "obj-317",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          2180.0,
          1160.0,
          91.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend set"
        }
       },
       {
        "box": {
         "id": "obj-318",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          2180.0,
          1186.0,
          126.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-ceiling"
        }
       },
       {
        "box": {
         "id": "obj-319",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          2440.0,
          1160.0,
          91.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend set"
        }
       },
       {
        "box": {
         "id": "obj-320",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          2440.0,
          1186.0,
          119.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-record"
        }
       },
       {
        "box": {
         "id": "obj-321",
         "maxclass": "newobj",
         "numinlets": 6,
         "numoutlets": 6,
         "patching_rect": [
          1400.0,
          1250.0,
          588.0,
          22
         ],
         "outlettype": [
          "",
          "",
          "",
          "",
          "",
          ""
         ],
         "text": "route /restem/profile /restem/meters /restem/status /restem/error /restem/profiles"
        }
       },
       {
        "box": {
         "id": "obj-322",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          1400.0,
          1280.0,
          126.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-playing"
        }
       },
       {
        "box": {
         "id": "obj-323",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          1660.0,
          1280.0,
          119.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-meters"
        }
       },
       {
        "box": {
         "id": "obj-324",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          1920.0,
          1280.0,
          119.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-status"
        }
       },
       {
        "box": {
         "id": "obj-325",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          2180.0,
          1280.0,
          112.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-error"
        }
       },
       {
        "box": {
         "id": "obj-326",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          2440.0,
          1280.0,
          133.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-profiles"
        }
       },
       {
        "box": {
         "id": "obj-327",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          1400.0,
          1380.0,
          119.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "r restem-meters"
        }
       },
       {
        "box": {
         "id": "obj-328",
         "maxclass": "newobj",
         "numinlets": 2,
         "numoutlets": 2,
         "patching_rect": [
          1400.0,
          1440.0,
          84.0,
          22
         ],
         "outlettype": [
          "inactive",
          "inactive"
         ],
         "text": "zl slice 2"
        }
       },
       {
        "box": {
         "id": "obj-329",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          1400.0,
          1466.0,
          161.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-vocals-level"
        }
       },
       {
        "box": {
         "id": "obj-330",
         "maxclass": "newobj",
         "numinlets": 2,
         "numoutlets": 2,
         "patching_rect": [
          1400.0,
          1500.0,
          84.0,
          22
         ],
         "outlettype": [
          "inactive",
          "inactive"
         ],
         "text": "zl slice 2"
        }
       },
       {
        "box": {
         "id": "obj-331",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          1400.0,
          1526.0,
          168.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-guitars-level"
        }
       },
       {
        "box": {
         "id": "obj-332",
         "maxclass": "newobj",
         "numinlets": 2,
         "numoutlets": 2,
         "patching_rect": [
          1400.0,
          1560.0,
          84.0,
          22
         ],
         "outlettype": [
          "inactive",
          "inactive"
         ],
         "text": "zl slice 2"
        }
       },
       {
        "box": {
         "id": "obj-333",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          1400.0,
          1586.0,
          182.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-keyboards-level"
        }
       },
       {
        "box": {
         "id": "obj-334",
         "maxclass": "newobj",
         "numinlets": 2,
         "numoutlets": 2,
         "patching_rect": [
          1400.0,
          1620.0,
          84.0,
          22
         ],
         "outlettype": [
          "inactive",
          "inactive"
         ],
         "text": "zl slice 2"
        }
       },
       {
        "box": {
         "id": "obj-335",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          1400.0,
          1646.0,
          203.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-synthesizers-level"
        }
       },
       {
        "box": {
         "id": "obj-336",
         "maxclass": "newobj",
         "numinlets": 2,
         "numoutlets": 2,
         "patching_rect": [
          1400.0,
          1680.0,
          84.0,
          22
         ],
         "outlettype": [
          "inactive",
          "inactive"
         ],
         "text": "zl slice 2"
        }
       },
       {
        "box": {
         "id": "obj-337",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          1400.0,
          1706.0,
          147.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-bass-level"
        }
       },
       {
        "box": {
         "id": "obj-338",
         "maxclass": "newobj",
         "numinlets": 2,
         "numoutlets": 2,
         "patching_rect": [
          1400.0,
          1740.0,
          84.0,
          22
         ],
         "outlettype": [
          "inactive",
          "inactive"
         ],
         "text": "zl slice 2"
        }
       },
       {
        "box": {
         "id": "obj-339",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          1400.0,
          1766.0,
          154.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-drums-level"
        }
       },
       {
        "box": {
         "id": "obj-340",
         "maxclass": "newobj",
         "numinlets": 2,
         "numoutlets": 2,
         "patching_rect": [
          1400.0,
          1800.0,
          84.0,
          22
         ],
         "outlettype": [
          "inactive",
          "inactive"
         ],
         "text": "zl slice 2"
        }
       },
       {
        "box": {
         "id": "obj-341",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          1400.0,
          1826.0,
          196.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-percussions-level"
        }
       },
       {
        "box": {
         "id": "obj-342",
         "maxclass": "newobj",
         "numinlets": 2,
         "numoutlets": 2,
         "patching_rect": [
          1400.0,
          1860.0,
          84.0,
          22
         ],
         "outlettype": [
          "inactive",
          "inactive"
         ],
         "text": "zl slice 2"
        }
       },
       {
        "box": {
         "id": "obj-343",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          1400.0,
          1886.0,
          189.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-orchestral-level"
        }
       },
       {
        "box": {
         "id": "obj-344",
         "maxclass": "newobj",
         "numinlets": 2,
         "numoutlets": 2,
         "patching_rect": [
          1400.0,
          1920.0,
          84.0,
          22
         ],
         "outlettype": [
          "inactive",
          "inactive"
         ],
         "text": "zl slice 2"
        }
       },
       {
        "box": {
         "id": "obj-345",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          1400.0,
          1946.0,
          175.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-residual-level"
        }
       },
       {
        "box": {
         "id": "obj-346",
         "maxclass": "newobj",
         "numinlets": 2,
         "numoutlets": 2,
         "patching_rect": [
          1400.0,
          1980.0,
          84.0,
          22
         ],
         "outlettype": [
          "inactive",
          "inactive"
         ],
         "text": "zl slice 2"
        }
       },
       {
        "box": {
         "id": "obj-347",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          1400.0,
          2006.0,
          161.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-master-level"
        }
       },
       {
        "box": {
         "id": "obj-348",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          2300.0,
          1380.0,
          126.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "r restem-playing"
        }
       },
       {
        "box": {
         "id": "obj-349",
         "maxclass": "newobj",
         "numinlets": 2,
         "numoutlets": 2,
         "patching_rect": [
          2300.0,
          1406.0,
          56.0,
          22
         ],
         "outlettype": [
          "inactive",
          "inactive"
         ],
         "text": "zl reg"
        }
       },
       {
        "box": {
         "id": "obj-350",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          2300.0,
          1432.0,
          133.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend setsymbol"
        }
       },
       {
        "box": {
         "id": "obj-351",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          2300.0,
          1458.0,
          126.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-profile"
        }
       },
       {
        "box": {
         "id": "obj-352",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          2470.0,
          1380.0,
          133.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "r restem-profiles"
        }
       },
       {
        "box": {
         "id": "obj-353",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 3,
         "patching_rect": [
          2470.0,
          1406.0,
          91.0,
          22
         ],
         "outlettype": [
          "",
          "",
          ""
         ],
         "text": "t b l clear"
        }
       },
       {
        "box": {
         "id": "obj-354",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          2470.0,
          1440.0,
          42.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "iter"
        }
       },
       {
        "box": {
         "id": "obj-355",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 1,
         "patching_rect": [
          2470.0,
          1466.0,
          112.0,
          22
         ],
         "outlettype": [
          ""
         ],
         "text": "prepend append"
        }
       },
       {
        "box": {
         "id": "obj-356",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          2470.0,
          1492.0,
          126.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-profile"
        }
       },
       {
        "box": {
         "id": "obj-357",
         "maxclass": "newobj",
         "numinlets": 1,
         "numoutlets": 0,
         "patching_rect": [
          2620.0,
          1440.0,
          126.0,
          22
         ],
         "outlettype": [],
         "text": "s restem-profile"
        }
       }
      ],
      "lines": [
       {
        "patchline": {
         "source": [
          "obj-1",
          0
         ],
         "destination": [
          "obj-2",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-3",
          0
         ],
         "destination": [
          "obj-4",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-5",
          0
         ],
         "destination": [
          "obj-6",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-6",
          0
         ],
         "destination": [
          "obj-8",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-6",
          1
         ],
         "destination": [
          "obj-9",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-6",
          2
         ],
         "destination": [
          "obj-7",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-7",
          0
         ],
         "destination": [
          "obj-3",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-10",
          0
         ],
         "destination": [
          "obj-11",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-11",
          0
         ],
         "destination": [
          "obj-13",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-11",
          1
         ],
         "destination": [
          "obj-12",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-12",
          0
         ],
         "destination": [
          "obj-14",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-14",
          0
         ],
         "destination": [
          "obj-2",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-12",
          1
         ],
         "destination": [
          "obj-15",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-15",
          0
         ],
         "destination": [
          "obj-2",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-16",
          0
         ],
         "destination": [
          "obj-17",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-17",
          0
         ],
         "destination": [
          "obj-18",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-19",
          0
         ],
         "destination": [
          "obj-20",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-20",
          0
         ],
         "destination": [
          "obj-21",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-21",
          0
         ],
         "destination": [
          "obj-22",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-23",
          0
         ],
         "destination": [
          "obj-24",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-24",
          0
         ],
         "destination": [
          "obj-25",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-24",
          1
         ],
         "destination": [
          "obj-26",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-27",
          0
         ],
         "destination": [
          "obj-28",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-25",
          0
         ],
         "destination": [
          "obj-29",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-29",
          0
         ],
         "destination": [
          "obj-27",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-25",
          0
         ],
         "destination": [
          "obj-30",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-30",
          0
         ],
         "destination": [
          "obj-27",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-25",
          0
         ],
         "destination": [
          "obj-31",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-31",
          0
         ],
         "destination": [
          "obj-27",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-25",
          0
         ],
         "destination": [
          "obj-32",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-32",
          0
         ],
         "destination": [
          "obj-27",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-25",
          0
         ],
         "destination": [
          "obj-33",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-33",
          0
         ],
         "destination": [
          "obj-27",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-25",
          0
         ],
         "destination": [
          "obj-34",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-34",
          0
         ],
         "destination": [
          "obj-27",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-25",
          0
         ],
         "destination": [
          "obj-35",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-35",
          0
         ],
         "destination": [
          "obj-27",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-25",
          0
         ],
         "destination": [
          "obj-36",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-36",
          0
         ],
         "destination": [
          "obj-27",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-25",
          0
         ],
         "destination": [
          "obj-37",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-37",
          0
         ],
         "destination": [
          "obj-27",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-25",
          0
         ],
         "destination": [
          "obj-38",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-38",
          0
         ],
         "destination": [
          "obj-27",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-39",
          0
         ],
         "destination": [
          "obj-40",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-41",
          0
         ],
         "destination": [
          "obj-42",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-40",
          0
         ],
         "destination": [
          "obj-41",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-40",
          1
         ],
         "destination": [
          "obj-43",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-44",
          0
         ],
         "destination": [
          "obj-20",
          1
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-45",
          0
         ],
         "destination": [
          "obj-25",
          1
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-46",
          0
         ],
         "destination": [
          "obj-47",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-47",
          0
         ],
         "destination": [
          "obj-48",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-48",
          0
         ],
         "destination": [
          "obj-49",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-49",
          0
         ],
         "destination": [
          "obj-50",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-51",
          0
         ],
         "destination": [
          "obj-52",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-52",
          0
         ],
         "destination": [
          "obj-53",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-54",
          0
         ],
         "destination": [
          "obj-55",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-55",
          0
         ],
         "destination": [
          "obj-56",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-57",
          0
         ],
         "destination": [
          "obj-58",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-58",
          0
         ],
         "destination": [
          "obj-59",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-60",
          0
         ],
         "destination": [
          "obj-61",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-61",
          0
         ],
         "destination": [
          "obj-62",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-63",
          0
         ],
         "destination": [
          "obj-64",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-64",
          0
         ],
         "destination": [
          "obj-65",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-66",
          0
         ],
         "destination": [
          "obj-67",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-67",
          0
         ],
         "destination": [
          "obj-68",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-69",
          0
         ],
         "destination": [
          "obj-70",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-70",
          0
         ],
         "destination": [
          "obj-71",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-72",
          0
         ],
         "destination": [
          "obj-73",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-73",
          0
         ],
         "destination": [
          "obj-74",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-75",
          0
         ],
         "destination": [
          "obj-76",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-76",
          0
         ],
         "destination": [
          "obj-77",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-78",
          0
         ],
         "destination": [
          "obj-79",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-79",
          0
         ],
         "destination": [
          "obj-80",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-81",
          0
         ],
         "destination": [
          "obj-82",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-82",
          0
         ],
         "destination": [
          "obj-83",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-84",
          0
         ],
         "destination": [
          "obj-85",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-85",
          0
         ],
         "destination": [
          "obj-86",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-87",
          0
         ],
         "destination": [
          "obj-88",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-88",
          0
         ],
         "destination": [
          "obj-89",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-90",
          0
         ],
         "destination": [
          "obj-91",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-91",
          0
         ],
         "destination": [
          "obj-92",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-93",
          0
         ],
         "destination": [
          "obj-94",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-94",
          0
         ],
         "destination": [
          "obj-95",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-96",
          0
         ],
         "destination": [
          "obj-97",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-97",
          0
         ],
         "destination": [
          "obj-98",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-99",
          0
         ],
         "destination": [
          "obj-100",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-100",
          0
         ],
         "destination": [
          "obj-101",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-102",
          0
         ],
         "destination": [
          "obj-103",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-103",
          0
         ],
         "destination": [
          "obj-104",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-105",
          0
         ],
         "destination": [
          "obj-106",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-106",
          0
         ],
         "destination": [
          "obj-107",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-108",
          0
         ],
         "destination": [
          "obj-109",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-109",
          0
         ],
         "destination": [
          "obj-110",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-111",
          0
         ],
         "destination": [
          "obj-112",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-112",
          0
         ],
         "destination": [
          "obj-113",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-114",
          0
         ],
         "destination": [
          "obj-115",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-115",
          0
         ],
         "destination": [
          "obj-116",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-117",
          0
         ],
         "destination": [
          "obj-118",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-118",
          0
         ],
         "destination": [
          "obj-119",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-120",
          0
         ],
         "destination": [
          "obj-121",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-121",
          0
         ],
         "destination": [
          "obj-122",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-123",
          0
         ],
         "destination": [
          "obj-124",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-124",
          0
         ],
         "destination": [
          "obj-125",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-126",
          0
         ],
         "destination": [
          "obj-127",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-127",
          0
         ],
         "destination": [
          "obj-128",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-129",
          0
         ],
         "destination": [
          "obj-130",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-130",
          0
         ],
         "destination": [
          "obj-131",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-132",
          0
         ],
         "destination": [
          "obj-133",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-133",
          0
         ],
         "destination": [
          "obj-134",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-135",
          0
         ],
         "destination": [
          "obj-136",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-136",
          0
         ],
         "destination": [
          "obj-137",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-138",
          0
         ],
         "destination": [
          "obj-139",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-139",
          0
         ],
         "destination": [
          "obj-140",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-141",
          0
         ],
         "destination": [
          "obj-142",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-142",
          0
         ],
         "destination": [
          "obj-143",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-144",
          0
         ],
         "destination": [
          "obj-145",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-145",
          0
         ],
         "destination": [
          "obj-146",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-147",
          0
         ],
         "destination": [
          "obj-148",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-148",
          0
         ],
         "destination": [
          "obj-149",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-150",
          0
         ],
         "destination": [
          "obj-151",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-151",
          0
         ],
         "destination": [
          "obj-152",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-153",
          0
         ],
         "destination": [
          "obj-154",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-154",
          0
         ],
         "destination": [
          "obj-155",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-156",
          0
         ],
         "destination": [
          "obj-157",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-157",
          0
         ],
         "destination": [
          "obj-158",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-159",
          0
         ],
         "destination": [
          "obj-160",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-160",
          0
         ],
         "destination": [
          "obj-161",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-162",
          0
         ],
         "destination": [
          "obj-163",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-163",
          0
         ],
         "destination": [
          "obj-164",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-165",
          0
         ],
         "destination": [
          "obj-166",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-166",
          0
         ],
         "destination": [
          "obj-167",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-168",
          0
         ],
         "destination": [
          "obj-169",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-169",
          0
         ],
         "destination": [
          "obj-170",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-171",
          0
         ],
         "destination": [
          "obj-172",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-172",
          0
         ],
         "destination": [
          "obj-173",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-174",
          0
         ],
         "destination": [
          "obj-175",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-175",
          0
         ],
         "destination": [
          "obj-176",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-177",
          0
         ],
         "destination": [
          "obj-178",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-178",
          0
         ],
         "destination": [
          "obj-179",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-180",
          0
         ],
         "destination": [
          "obj-181",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-181",
          0
         ],
         "destination": [
          "obj-182",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-183",
          0
         ],
         "destination": [
          "obj-184",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-184",
          0
         ],
         "destination": [
          "obj-185",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-186",
          0
         ],
         "destination": [
          "obj-187",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-187",
          0
         ],
         "destination": [
          "obj-188",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-189",
          0
         ],
         "destination": [
          "obj-190",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-190",
          0
         ],
         "destination": [
          "obj-191",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-192",
          0
         ],
         "destination": [
          "obj-193",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-193",
          0
         ],
         "destination": [
          "obj-194",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-195",
          0
         ],
         "destination": [
          "obj-196",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-196",
          0
         ],
         "destination": [
          "obj-197",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-198",
          0
         ],
         "destination": [
          "obj-199",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-199",
          0
         ],
         "destination": [
          "obj-200",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-201",
          0
         ],
         "destination": [
          "obj-202",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-202",
          0
         ],
         "destination": [
          "obj-203",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-204",
          0
         ],
         "destination": [
          "obj-205",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-205",
          0
         ],
         "destination": [
          "obj-206",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-207",
          0
         ],
         "destination": [
          "obj-208",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-208",
          0
         ],
         "destination": [
          "obj-209",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-210",
          0
         ],
         "destination": [
          "obj-211",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-212",
          0
         ],
         "destination": [
          "obj-213",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-214",
          0
         ],
         "destination": [
          "obj-215",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-216",
          0
         ],
         "destination": [
          "obj-217",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-218",
          0
         ],
         "destination": [
          "obj-219",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-220",
          0
         ],
         "destination": [
          "obj-221",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-211",
          0
         ],
         "destination": [
          "obj-212",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-211",
          1
         ],
         "destination": [
          "obj-214",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-211",
          2
         ],
         "destination": [
          "obj-216",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-211",
          3
         ],
         "destination": [
          "obj-218",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-211",
          4
         ],
         "destination": [
          "obj-220",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-211",
          5
         ],
         "destination": [
          "obj-222",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-223",
          0
         ],
         "destination": [
          "obj-224",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-225",
          0
         ],
         "destination": [
          "obj-226",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-227",
          0
         ],
         "destination": [
          "obj-228",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-229",
          0
         ],
         "destination": [
          "obj-230",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-231",
          0
         ],
         "destination": [
          "obj-232",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-222",
          0
         ],
         "destination": [
          "obj-223",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-222",
          1
         ],
         "destination": [
          "obj-225",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-222",
          2
         ],
         "destination": [
          "obj-227",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-222",
          3
         ],
         "destination": [
          "obj-229",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-222",
          4
         ],
         "destination": [
          "obj-231",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-222",
          5
         ],
         "destination": [
          "obj-233",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-234",
          0
         ],
         "destination": [
          "obj-235",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-236",
          0
         ],
         "destination": [
          "obj-237",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-238",
          0
         ],
         "destination": [
          "obj-239",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-240",
          0
         ],
         "destination": [
          "obj-241",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-242",
          0
         ],
         "destination": [
          "obj-243",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-233",
          0
         ],
         "destination": [
          "obj-234",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-233",
          1
         ],
         "destination": [
          "obj-236",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-233",
          2
         ],
         "destination": [
          "obj-238",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-233",
          3
         ],
         "destination": [
          "obj-240",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-233",
          4
         ],
         "destination": [
          "obj-242",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-233",
          5
         ],
         "destination": [
          "obj-244",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-245",
          0
         ],
         "destination": [
          "obj-246",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-247",
          0
         ],
         "destination": [
          "obj-248",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-249",
          0
         ],
         "destination": [
          "obj-250",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-251",
          0
         ],
         "destination": [
          "obj-252",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-253",
          0
         ],
         "destination": [
          "obj-254",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-244",
          0
         ],
         "destination": [
          "obj-245",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-244",
          1
         ],
         "destination": [
          "obj-247",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-244",
          2
         ],
         "destination": [
          "obj-249",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-244",
          3
         ],
         "destination": [
          "obj-251",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-244",
          4
         ],
         "destination": [
          "obj-253",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-244",
          5
         ],
         "destination": [
          "obj-255",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-256",
          0
         ],
         "destination": [
          "obj-257",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-258",
          0
         ],
         "destination": [
          "obj-259",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-260",
          0
         ],
         "destination": [
          "obj-261",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-262",
          0
         ],
         "destination": [
          "obj-263",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-264",
          0
         ],
         "destination": [
          "obj-265",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-255",
          0
         ],
         "destination": [
          "obj-256",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-255",
          1
         ],
         "destination": [
          "obj-258",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-255",
          2
         ],
         "destination": [
          "obj-260",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-255",
          3
         ],
         "destination": [
          "obj-262",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-255",
          4
         ],
         "destination": [
          "obj-264",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-255",
          5
         ],
         "destination": [
          "obj-266",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-267",
          0
         ],
         "destination": [
          "obj-268",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-269",
          0
         ],
         "destination": [
          "obj-270",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-271",
          0
         ],
         "destination": [
          "obj-272",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-273",
          0
         ],
         "destination": [
          "obj-274",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-275",
          0
         ],
         "destination": [
          "obj-276",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-266",
          0
         ],
         "destination": [
          "obj-267",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-266",
          1
         ],
         "destination": [
          "obj-269",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-266",
          2
         ],
         "destination": [
          "obj-271",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-266",
          3
         ],
         "destination": [
          "obj-273",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-266",
          4
         ],
         "destination": [
          "obj-275",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-266",
          5
         ],
         "destination": [
          "obj-277",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-278",
          0
         ],
         "destination": [
          "obj-279",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-280",
          0
         ],
         "destination": [
          "obj-281",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-282",
          0
         ],
         "destination": [
          "obj-283",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-284",
          0
         ],
         "destination": [
          "obj-285",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-286",
          0
         ],
         "destination": [
          "obj-287",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-277",
          0
         ],
         "destination": [
          "obj-278",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-277",
          1
         ],
         "destination": [
          "obj-280",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-277",
          2
         ],
         "destination": [
          "obj-282",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-277",
          3
         ],
         "destination": [
          "obj-284",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-277",
          4
         ],
         "destination": [
          "obj-286",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-277",
          5
         ],
         "destination": [
          "obj-288",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-289",
          0
         ],
         "destination": [
          "obj-290",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-291",
          0
         ],
         "destination": [
          "obj-292",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-293",
          0
         ],
         "destination": [
          "obj-294",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-295",
          0
         ],
         "destination": [
          "obj-296",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-297",
          0
         ],
         "destination": [
          "obj-298",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-288",
          0
         ],
         "destination": [
          "obj-289",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-288",
          1
         ],
         "destination": [
          "obj-291",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-288",
          2
         ],
         "destination": [
          "obj-293",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-288",
          3
         ],
         "destination": [
          "obj-295",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-288",
          4
         ],
         "destination": [
          "obj-297",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-288",
          5
         ],
         "destination": [
          "obj-299",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-300",
          0
         ],
         "destination": [
          "obj-301",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-302",
          0
         ],
         "destination": [
          "obj-303",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-304",
          0
         ],
         "destination": [
          "obj-305",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-306",
          0
         ],
         "destination": [
          "obj-307",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-308",
          0
         ],
         "destination": [
          "obj-309",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-299",
          0
         ],
         "destination": [
          "obj-300",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-299",
          1
         ],
         "destination": [
          "obj-302",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-299",
          2
         ],
         "destination": [
          "obj-304",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-299",
          3
         ],
         "destination": [
          "obj-306",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-299",
          4
         ],
         "destination": [
          "obj-308",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-299",
          5
         ],
         "destination": [
          "obj-310",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-311",
          0
         ],
         "destination": [
          "obj-312",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-313",
          0
         ],
         "destination": [
          "obj-314",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-315",
          0
         ],
         "destination": [
          "obj-316",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-317",
          0
         ],
         "destination": [
          "obj-318",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-319",
          0
         ],
         "destination": [
          "obj-320",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-310",
          0
         ],
         "destination": [
          "obj-311",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-310",
          1
         ],
         "destination": [
          "obj-313",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-310",
          2
         ],
         "destination": [
          "obj-315",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-310",
          3
         ],
         "destination": [
          "obj-317",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-310",
          4
         ],
         "destination": [
          "obj-319",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-310",
          5
         ],
         "destination": [
          "obj-321",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-321",
          0
         ],
         "destination": [
          "obj-322",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-321",
          1
         ],
         "destination": [
          "obj-323",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-321",
          2
         ],
         "destination": [
          "obj-324",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-321",
          3
         ],
         "destination": [
          "obj-325",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-321",
          4
         ],
         "destination": [
          "obj-326",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-327",
          0
         ],
         "destination": [
          "obj-328",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-328",
          0
         ],
         "destination": [
          "obj-329",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-328",
          1
         ],
         "destination": [
          "obj-330",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-330",
          0
         ],
         "destination": [
          "obj-331",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-330",
          1
         ],
         "destination": [
          "obj-332",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-332",
          0
         ],
         "destination": [
          "obj-333",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-332",
          1
         ],
         "destination": [
          "obj-334",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-334",
          0
         ],
         "destination": [
          "obj-335",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-334",
          1
         ],
         "destination": [
          "obj-336",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-336",
          0
         ],
         "destination": [
          "obj-337",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-336",
          1
         ],
         "destination": [
          "obj-338",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-338",
          0
         ],
         "destination": [
          "obj-339",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-338",
          1
         ],
         "destination": [
          "obj-340",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-340",
          0
         ],
         "destination": [
          "obj-341",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-340",
          1
         ],
         "destination": [
          "obj-342",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-342",
          0
         ],
         "destination": [
          "obj-343",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-342",
          1
         ],
         "destination": [
          "obj-344",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-344",
          0
         ],
         "destination": [
          "obj-345",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-344",
          1
         ],
         "destination": [
          "obj-346",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-346",
          0
         ],
         "destination": [
          "obj-347",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-348",
          0
         ],
         "destination": [
          "obj-349",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-349",
          0
         ],
         "destination": [
          "obj-350",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-350",
          0
         ],
         "destination": [
          "obj-351",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-352",
          0
         ],
         "destination": [
          "obj-353",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-354",
          0
         ],
         "destination": [
          "obj-355",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-355",
          0
         ],
         "destination": [
          "obj-356",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-353",
          0
         ],
         "destination": [
          "obj-349",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-353",
          1
         ],
         "destination": [
          "obj-354",
          0
         ],
         "order": 0
        }
       },
       {
        "patchline": {
         "source": [
          "obj-353",
          2
         ],
         "destination": [
          "obj-357",
          0
         ],
         "order": 0
        }
       }
      ],
      "dependency_cache": [],
      "autosave": 0
     },
     "text": "p network",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-2",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      20,
      8,
      70.0,
      22
     ],
     "outlettype": [
      ""
     ],
     "text": "loadbang"
    }
   },
   {
    "box": {
     "id": "obj-3",
     "maxclass": "comment",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      20,
      60,
      100,
      20
     ],
     "presentation": 1,
     "presentation_rect": [
      8.0,
      0,
      70.0,
      18
     ],
     "text": "vocals"
    }
   },
   {
    "box": {
     "id": "obj-4",
     "maxclass": "multislider",
     "numinlets": 1,
     "numoutlets": 2,
     "patching_rect": [
      320,
      88,
      24,
      80
     ],
     "presentation": 1,
     "presentation_rect": [
      42.0,
      18,
      24,
      80
     ],
     "outlettype": [
      "",
      ""
     ],
     "size": 2,
     "setstyle": 1,
     "setminmax": [
      -90.0,
      0.0
     ],
     "settype": 1,
     "ignoreclick": 1
    }
   },
   {
    "box": {
     "id": "obj-5",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      320,
      60,
      161.0,
      22
     ],
     "outlettype": [
      ""
     ],
     "text": "r restem-vocals-level"
    }
   },
   {
    "box": {
     "id": "obj-6",
     "maxclass": "comment",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      620,
      60,
      100,
      20
     ],
     "presentation": 1,
     "presentation_rect": [
      8.0,
      146,
      70.0,
      18
     ],
     "text": "M   S   pan"
    }
   },
   {
    "box": {
     "id": "obj-7",
     "maxclass": "flonum",
     "numinlets": 1,
     "numoutlets": 2,
     "patching_rect": [
      920,
      88,
      50,
      22
     ],
     "presentation": 1,
     "presentation_rect": [
      16.0,
      100,
      50,
      22
     ],
     "outlettype": [
      "",
      ""
     ],
     "minimum": -90.0,
     "maximum": 12.0
    }
   },
   {
    "box": {
     "id": "obj-8",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      920,
      60,
      175.0,
      22
     ],
     "outlettype": [
      ""
     ],
     "text": "r restem-vocals-gain_db"
    }
   },
   {
    "box": {
     "id": "obj-9",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      920,
      116,
      203.0,
      22
     ],
     "outlettype": [],
     "text": "s restem-vocals-gain_db-out"
    }
   },
   {
    "box": {
     "id": "obj-10",
     "maxclass": "slider",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      1220,
      88,
      22,
      80
     ],
     "presentation": 1,
     "presentation_rect": [
      14.0,
      18,
      22,
      80
     ],
     "outlettype": [
      ""
     ],
     "floatoutput": 1,
     "min": 0.0,
     "size": 1.0
    }
   },
   {
    "box": {
     "id": "obj-11",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      1220,
      60,
      161.0,
      22
     ],
     "outlettype": [
      ""
     ],
     "text": "r restem-vocals-fader"
    }
   },
   {
    "box": {
     "id": "obj-12",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      1220,
      174,
      189.0,
      22
     ],
     "outlettype": [],
     "text": "s restem-vocals-fader-out"
    }
   },
   {
    "box": {
     "id": "obj-13",
     "maxclass": "toggle",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      20,
      278,
      20,
      20
     ],
     "presentation": 1,
     "presentation_rect": [
      12.0,
      124,
      20,
      20
     ],
     "outlettype": [
      "int"
     ]
    }
   },
   {
    "box": {
     "id": "obj-14",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      20,
      250,
      154.0,
      22
     ],
     "outlettype": [
      ""
     ],
     "text": "r restem-vocals-mute"
    }
   },
   {
    "box": {
     "id": "obj-15",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      20,
      304,
      182.0,
      22
     ],
     "outlettype": [],
     "text": "s restem-vocals-mute-out"
    }
   },
   {
    "box": {
     "id": "obj-16",
     "maxclass": "toggle",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      320,
      278,
      20,
      20
     ],
     "presentation": 1,
     "presentation_rect": [
      34.0,
      124,
      20,
      20
     ],
     "outlettype": [
      "int"
     ]
    }
   },
   {
    "box": {
     "id": "obj-17",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      320,
      250,
      154.0,
      22
     ],
     "outlettype": [
      ""
     ],
     "text": "r restem-vocals-solo"
    }
   },
   {
    "box": {
     "id": "obj-18",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      320,
      304,
      182.0,
      22
     ],
     "outlettype": [],
     "text": "s restem-vocals-solo-out"
    }
   },
   {
    "box": {
     "id": "obj-19",
     "maxclass": "dial",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      620,
      278,
      22,
      22
     ],
     "presentation": 1,
     "presentation_rect": [
      55.0,
      124,
      22,
      22
     ],
     "outlettype": [
      "float"
     ],
     "floatoutput": 1,
     "min": -1.0,
     "size": 2.0
    }
   },
   {
    "box": {
     "id": "obj-20",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      620,
      250,
      147.0,
      22
     ],
     "outlettype": [
      ""
     ],
     "text": "r restem-vocals-pan"
    }
   },
   {
    "box": {
     "id": "obj-21",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      620,
      306,
      175.0,
      22
     ],
     "outlettype": [],
     "text": "s restem-vocals-pan-out"
    }
   },
   {
    "box": {
     "id": "obj-22",
     "maxclass": "comment",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      920,
      250,
      100,
      20
     ],
     "presentation": 1,
     "presentation_rect": [
      78.0,
      0,
      70.0,
      18
     ],
     "text": "guitars"
    }
   },
   {
    "box": {
     "id": "obj-23",
     "maxclass": "multislider",
     "numinlets": 1,
     "numoutlets": 2,
     "patching_rect": [
      1220,
      278,
      24,
      80
     ],
     "presentation": 1,
     "presentation_rect": [
      112.0,
      18,
      24,
      80
     ],
     "outlettype": [
      "",
      ""
     ],
     "size": 2,
     "setstyle": 1,
     "setminmax": [
      -90.0,
      0.0
     ],
     "settype": 1,
     "ignoreclick": 1
    }
   },
   {
    "box": {
     "id": "obj-24",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      1220,
      250,
      168.0,
      22
     ],
     "outlettype": [
      ""
     ],
     "text": "r restem-guitars-level"
    }
   },
   {
    "box": {
     "id": "obj-25",
     "maxclass": "comment",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      20,
      440,
      100,
      20
     ],
     "presentation": 1,
     "presentation_rect": [
      78.0,
      146,
      70.0,
      18
     ],
     "text": "M   S   pan"
    }
   },
   {
    "box": {
     "id": "obj-26",
     "maxclass": "flonum",
     "numinlets": 1,
     "numoutlets": 2,
     "patching_rect": [
      320,
      468,
      50,
      22
     ],
     "presentation": 1,
     "presentation_rect": [
      86.0,
      100,
      50,
      22
     ],
     "outlettype": [
      "",
      ""
     ],
     "minimum": -90.0,
     "maximum": 12.0
    }
   },
   {
    "box": {
     "id": "obj-27",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      320,
      440,
      182.0,
      22
     ],
     "outlettype": [
      ""
     ],
     "text": "r restem-guitars-gain_db"
    }
   },
   {
    "box": {
     "id": "obj-28",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      320,
      496,
      210.0,
      22
     ],
     "outlettype": [],
     "text": "s restem-guitars-gain_db-out"
    }
   },
   {
    "box": {
     "id": "obj-29",
     "maxclass": "slider",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      620,
      468,
      22,
      80
     ],
     "presentation": 1,
     "presentation_rect": [
      84.0,
      18,
      22,
      80
     ],
     "outlettype": [
      ""
     ],
     "floatoutput": 1,
     "min": 0.0,
     "size": 1.0
    }
   },
   {
    "box": {
     "id": "obj-30",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      620,
      440,
      168.0,
      22
     ],
     "outlettype": [
      ""
     ],
     "text": "r restem-guitars-fader"
    }
   },
   {
    "box": {
     "id": "obj-31",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      620,
      554,
      196.0,
      22
     ],
     "outlettype": [],
     "text": "s restem-guitars-fader-out"
    }
   },
   {
    "box": {
     "id": "obj-32",
     "maxclass": "toggle",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      920,
      468,
      20,
      20
     ],
     "presentation": 1,
     "presentation_rect": [
      82.0,
      124,
      20,
      20
     ],
     "outlettype": [
      "int"
     ]
    }
   },
   {
    "box": {
     "id": "obj-33",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      920,
      440,
      161.0,
      22
     ],
     "outlettype": [
      ""
     ],
     "text": "r restem-guitars-mute"
    }
   },
   {
    "box": {
     "id": "obj-34",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      920,
      494,
      189.0,
      22
     ],
     "outlettype": [],
     "text": "s restem-guitars-mute-out"
    }
   },
   {
    "box": {
     "id": "obj-35",
     "maxclass": "toggle",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      1220,
      468,
      20,
      20
     ],
     "presentation": 1,
     "presentation_rect": [
      104.0,
      124,
      20,
      20
     ],
     "outlettype": [
      "int"
     ]
    }
   },
   {
    "box": {
     "id": "obj-36",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      1220,
      440,
      161.0,
      22
     ],
     "outlettype": [
      ""
     ],
     "text": "r restem-guitars-solo"
    }
   },
   {
    "box": {
     "id": "obj-37",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      1220,
      494,
      189.0,
      22
     ],
     "outlettype": [],
     "text": "s restem-guitars-solo-out"
    }
   },
   {
    "box": {
     "id": "obj-38",
     "maxclass": "dial",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      20,
      658,
      22,
      22
     ],
     "presentation": 1,
     "presentation_rect": [
      125.0,
      124,
      22,
      22
     ],
     "outlettype": [
      "float"
     ],
     "floatoutput": 1,
     "min": -1.0,
     "size": 2.0
    }
   },
   {
    "box": {
     "id": "obj-39",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      20,
      630,
      154.0,
      22
     ],
     "outlettype": [
      ""
     ],
     "text": "r restem-guitars-pan"
    }
   },
   {
    "box": {
     "id": "obj-40",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      20,
      686,
      182.0,
      22
     ],
     "outlettype": [],
     "text": "s restem-guitars-pan-out"
    }
   },
   {
    "box": {
     "id": "obj-41",
     "maxclass": "comment",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      320,
      630,
      100,
      20
     ],
     "presentation": 1,
     "presentation_rect": [
      148.0,
      0,
      70.0,
      18
     ],
     "text": "keyboards"
    }
   },
   {
    "box": {
     "id": "obj-42",
     "maxclass": "multislider",
     "numinlets": 1,
     "numoutlets": 2,
     "patching_rect": [
      620,
      658,
      24,
      80
     ],
     "presentation": 1,
     "presentation_rect": [
      182.0,
      18,
      24,
      80
     ],
     "outlettype": [
      "",
      ""
     ],
     "size": 2,
     "setstyle": 1,
     "setminmax": [
      -90.0,
      0.0
     ],
     "settype": 1,
     "ignoreclick": 1
    }
   },
   {
    "box": {
     "id": "obj-43",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      620,
      630,
      182.0,
      22
     ],
     "outlettype": [
      ""
     ],
     "text": "r restem-keyboards-level"
    }
   },
   {
    "box": {
     "id": "obj-44",
     "maxclass": "comment",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      920,
      630,
      100,
      20
     ],
     "presentation": 1,
     "presentation_rect": [
      148.0,
      146,
      70.0,
      18
     ],
     "text": "M   S   pan"
    }
   },
   {
    "box": {
     "id": "obj-45",
     "maxclass": "flonum",
     "numinlets": 1,
     "numoutlets": 2,
     "patching_rect": [
      1220,
      658,
      50,
      22
     ],
     "presentation": 1,
     "presentation_rect": [
      156.0,
      100,
      50,
      22
     ],
     "outlettype": [
      "",
      ""
     ],
     "minimum": -90.0,
     "maximum": 12.0
    }
   },
   {
    "box": {
     "id": "obj-46",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      1220,
      630,
      196.0,
      22
     ],
     "outlettype": [
      ""
     ],
     "text": "r restem-keyboards-gain_db"
    }
   },
   {
    "box": {
     "id": "obj-47",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      1220,
      686,
      224.0,
      22
     ],
     "outlettype": [],
     "text": "s restem-keyboards-gain_db-out"
    }
   },
   {
    "box": {
     "id": "obj-48",
     "maxclass": "slider",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      20,
      848,
      22,
      80
     ],
     "presentation": 1,
     "presentation_rect": [
      154.0,
      18,
      22,
      80
     ],
     "outlettype": [
      ""
     ],
     "floatoutput": 1,
     "min": 0.0,
     "size": 1.0
    }
   },
   {
    "box": {
     "id": "obj-49",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      20,
      820,
      182.0,
      22
     ],
     "outlettype": [
      ""
     ],
     "text": "r restem-keyboards-fader"
    }
   },
   {
    "box": {
     "id": "obj-50",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      20,
      934,
      210.0,
      22
     ],
     "outlettype": [],
     "text": "s restem-keyboards-fader-out"
    }
   },
   {
    "box": {
     "id": "obj-51",
     "maxclass": "toggle",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      320,
      848,
      20,
      20
     ],
     "presentation": 1,
     "presentation_rect": [
      152.0,
      124,
      20,
      20
     ],
     "outlettype": [
      "int"
     ]
    }
   },
   {
    "box": {
     "id": "obj-52",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      320,
      820,
      175.0,
      22
     ],
     "outlettype": [
      ""
     ],
     "text": "r restem-keyboards-mute"
    }
   },
   {
    "box": {
     "id": "obj-53",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      320,
      874,
      203.0,
      22
     ],
     "outlettype": [],
     "text": "s restem-keyboards-mute-out"
    }
   },
   {
    "box": {
     "id": "obj-54",
     "maxclass": "toggle",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      620,
      848,
      20,
      20
     ],
     "presentation": 1,
     "presentation_rect": [
      174.0,
      124,
      20,
      20
     ],
     "outlettype": [
      "int"
     ]
    }
   },
   {
    "box": {
     "id": "obj-55",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      620,
      820,
      175.0,
      22
     ],
     "outlettype": [
      ""
     ],
     "text": "r restem-keyboards-solo"
    }
   },
   {
    "box": {
     "id": "obj-56",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      620,
      874,
      203.0,
      22
     ],
     "outlettype": [],
     "text": "s restem-keyboards-solo-out"
    }
   },
   {
    "box": {
     "id": "obj-57",
     "maxclass": "dial",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      920,
      848,
      22,
      22
     ],
     "presentation": 1,
     "presentation_rect": [
      195.0,
      124,
      22,
      22
     ],
     "outlettype": [
      "float"
     ],
     "floatoutput": 1,
     "min": -1.0,
     "size": 2.0
    }
   },
   {
    "box": {
     "id": "obj-58",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      920,
      820,
      168.0,
      22
     ],
     "outlettype": [
      ""
     ],
     "text": "r restem-keyboards-pan"
    }
   },
   {
    "box": {
     "id": "obj-59",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      920,
      876,
      196.0,
      22
     ],
     "outlettype": [],
     "text": "s restem-keyboards-pan-out"
    }
   },
   {
    "box": {
     "id": "obj-60",
     "maxclass": "comment",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      1220,
      820,
      100,
      20
     ],
     "presentation": 1,
     "presentation_rect": [
      218.0,
      0,
      70.0,
      18
     ],
     "text": "synthesizers"
    }
   },
   {
    "box": {
     "id": "obj-61",
     "maxclass": "multislider",
     "numinlets": 1,
     "numoutlets": 2,
     "patching_rect": [
      20,
      1038,
      24,
      80
     ],
     "presentation": 1,
     "presentation_rect": [
      252.0,
      18,
      24,
      80
     ],
     "outlettype": [
      "",
      ""
     ],
     "size": 2,
     "setstyle": 1,
     "setminmax": [
      -90.0,
      0.0
     ],
     "settype": 1,
     "ignoreclick": 1
    }
   },
   {
    "box": {
     "id": "obj-62",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      20,
      1010,
      203.0,
      22
     ],
     "outlettype": [
      ""
     ],
     "text": "r restem-synthesizers-level"
    }
   },
   {
    "box": {
     "id": "obj-63",
     "maxclass": "comment",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      320,
      1010,
      100,
      20
     ],
     "presentation": 1,
     "presentation_rect": [
      218.0,
      146,
      70.0,
      18
     ],
     "text": "M   S   pan"
    }
   },
   {
    "box": {
     "id": "obj-64",
     "maxclass": "flonum",
     "numinlets": 1,
     "numoutlets": 2,
     "patching_rect": [
      620,
      1038,
      50,
      22
     ],
     "presentation": 1,
     "presentation_rect": [
      226.0,
      100,
      50,
      22
     ],
     "outlettype": [
      "",
      ""
     ],
     "minimum": -90.0,
     "maximum": 12.0
    }
   },
   {
    "box": {
     "id": "obj-65",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      620,
      1010,
      217.0,
      22
     ],
     "outlettype": [
      ""
     ],
     "text": "r restem-synthesizers-gain_db"
    }
   },
   {
    "box": {
     "id": "obj-66",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      620,
      1066,
      245.0,
      22
     ],
     "outlettype": [],
     "text": "s restem-synthesizers-gain_db-out"
    }
   },
   {
    "box": {
     "id": "obj-67",
     "maxclass": "slider",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      920,
      1038,
      22,
      80
     ],
     "presentation": 1,
     "presentation_rect": [
      224.0,
      18,
      22,
      80
     ],
     "outlettype": [
      ""
     ],
     "floatoutput": 1,
     "min": 0.0,
     "size": 1.0
    }
   },
   {
    "box": {
     "id": "obj-68",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      920,
      1010,
      203.0,
      22
     ],
     "outlettype": [
      ""
     ],
     "text": "r restem-synthesizers-fader"
    }
   },
   {
    "box": {
     "id": "obj-69",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      920,
      1124,
      231.0,
      22
     ],
     "outlettype": [],
     "text": "s restem-synthesizers-fader-out"
    }
   },
   {
    "box": {
     "id": "obj-70",
     "maxclass": "toggle",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      1220,
      1038,
      20,
      20
     ],
     "presentation": 1,
     "presentation_rect": [
      222.0,
      124,
      20,
      20
     ],
     "outlettype": [
      "int"
     ]
    }
   },
   {
    "box": {
     "id": "obj-71",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      1220,
      1010,
      196.0,
      22
     ],
     "outlettype": [
      ""
     ],
     "text": "r restem-synthesizers-mute"
    }
   },
   {
    "box": {
     "id": "obj-72",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      1220,
      1064,
      224.0,
      22
     ],
     "outlettype": [],
     "text": "s restem-synthesizers-mute-out"
    }
   },
   {
    "box": {
     "id": "obj-73",
     "maxclass": "toggle",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      20,
      1228,
      20,
      20
     ],
     "presentation": 1,
     "presentation_rect": [
      244.0,
      124,
      20,
      20
     ],
     "outlettype": [
      "int"
     ]
    }
   },
   {
    "box": {
     "id": "obj-74",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      20,
      1200,
      196.0,
      22
     ],
     "outlettype": [
      ""
     ],
     "text": "r restem-synthesizers-solo"
    }
   },
   {
    "box": {
     "id": "obj-75",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      20,
      1254,
      224.0,
      22
     ],
     "outlettype": [],
     "text": "s restem-synthesizers-solo-out"
    }
   },
   {
    "box": {
     "id": "obj-76",
     "maxclass": "dial",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      320,
      1228,
      22,
      22
     ],
     "presentation": 1,
     "presentation_rect": [
      265.0,
      124,
      22,
      22
     ],
     "outlettype": [
      "float"
     ],
     "floatoutput": 1,
     "min": -1.0,
     "size": 2.0
    }
   },
   {
    "box": {
     "id": "obj-77",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      320,
      1200,
      189.0,
      22
     ],
     "outlettype": [
      ""
     ],
     "text": "r restem-synthesizers-pan"
    }
   },
   {
    "box": {
     "id": "obj-78",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      320,
      1256,
      217.0,
      22
     ],
     "outlettype": [],
     "text": "s restem-synthesizers-pan-out"
    }
   },
   {
    "box": {
     "id": "obj-79",
     "maxclass": "comment",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      620,
      1200,
      100,
      20
     ],
     "presentation": 1,
     "presentation_rect": [
      288.0,
      0,
      70.0,
      18
     ],
     "text": "bass"
    }
   },
   {
    "box": {
     "id": "obj-80",
     "maxclass": "multislider",
     "numinlets": 1,
     "numoutlets": 2,
     "patching_rect": [
      920,
      1228,
      24,
      80
     ],
     "presentation": 1,
     "presentation_rect": [
      322.0,
      18,
      24,
      80
     ],
     "outlettype": [
      "",
      ""
     ],
     "size": 2,
     "setstyle": 1,
     "setminmax": [
      -90.0,
      0.0
     ],
     "settype": 1,
     "ignoreclick": 1
    }
   },
   {
    "box": {
     "id": "obj-81",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      920,
      1200,
      147.0,
      22
     ],
     "outlettype": [
      ""
     ],
     "text": "r restem-bass-level"
    }
   },
   {
    "box": {
     "id": "obj-82",
     "maxclass": "comment",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      1220,
      1200,
      100,
      20
     ],
     "presentation": 1,
     "presentation_rect": [
      288.0,
      146,
      70.0,
      18
     ],
     "text": "M   S   pan"
    }
   },
   {
    "box": {
     "id": "obj-83",
     "maxclass": "flonum",
     "numinlets": 1,
     "numoutlets": 2,
     "patching_rect": [
      20,
      1418,
      50,
      22
     ],
     "presentation": 1,
     "presentation_rect": [
      296.0,
      100,
      50,
      22
     ],
     "outlettype": [
      "",
      ""
     ],
     "minimum": -90.0,
     "maximum": 12.0
    }
   },
   {
    "box": {
     "id": "obj-84",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      20,
      1390,
      161.0,
      22
     ],
     "outlettype": [
      ""
     ],
     "text": "r restem-bass-gain_db"
    }
   },
   {
    "box": {
     "id": "obj-85",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      20,
      1446,
      189.0,
      22
     ],
     "outlettype": [],
     "text": "s restem-bass-gain_db-out"
    }
   },
   {
    "box": {
     "id": "obj-86",
     "maxclass": "slider",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      320,
      1418,
      22,
      80
     ],
     "presentation": 1,
     "presentation_rect": [
      294.0,
      18,
      22,
      80
     ],
     "outlettype": [
      ""
     ],
     "floatoutput": 1,
     "min": 0.0,
     "size": 1.0
    }
   },
   {
    "box": {
     "id": "obj-87",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      320,
      1390,
      147.0,
      22
     ],
     "outlettype": [
      ""
     ],
     "text": "r restem-bass-fader"
    }
   },
   {
    "box": {
     "id": "obj-88",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      320,
      1504,
      175.0,
      22
     ],
     "outlettype": [],
     "text": "s restem-bass-fader-out"
    }
   },
   {
    "box": {
     "id": "obj-89",
     "maxclass": "toggle",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      620,
      1418,
      20,
      20
     ],
     "presentation": 1,
     "presentation_rect": [
      292.0,
      124,
      20,
      20
     ],
     "outlettype": [
      "int"
     ]
    }
   },
   {
    "box": {
     "id": "obj-90",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      620,
      1390,
      140.0,
      22
     ],
     "outlettype": [
      ""
     ],
     "text": "r restem-bass-mute"
    }
   },
   {
    "box": {
     "id": "obj-91",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      620,
      1444,
      168.0,
      22
     ],
     "outlettype": [],
     "text": "s restem-bass-mute-out"
    }
   },
   {
    "box": {
     "id": "obj-92",
     "maxclass": "toggle",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      920,
      1418,
      20,
      20
     ],
     "presentation": 1,
     "presentation_rect": [
      314.0,
      124,
      20,
      20
     ],
     "outlettype": [
      "int"
     ]
    }
   },
   {
    "box": {
     "id": "obj-93",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      920,
      1390,
      140.0,
      22
     ],
     "outlettype": [
      ""
     ],
     "text": "r restem-bass-solo"
    }
   },
   {
    "box": {
     "id": "obj-94",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      920,
      1444,
      168.0,
      22
     ],
     "outlettype": [],
     "text": "s restem-bass-solo-out"
    }
   },
   {
    "box": {
     "id": "obj-95",
     "maxclass": "dial",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      1220,
      1418,
      22,
      22
     ],
     "presentation": 1,
     "presentation_rect": [
      335.0,
      124,
      22,
      22
     ],
     "outlettype": [
      "float"
     ],
     "floatoutput": 1,
     "min": -1.0,
     "size": 2.0
    }
   },
   {
    "box": {
     "id": "obj-96",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      1220,
      1390,
      133.0,
      22
     ],
     "outlettype": [
      ""
     ],
     "text": "r restem-bass-pan"
    }
   },
   {
    "box": {
     "id": "obj-97",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      1220,
      1446,
      161.0,
      22
     ],
     "outlettype": [],
     "text": "s restem-bass-pan-out"
    }
   },
   {
    "box": {
     "id": "obj-98",
     "maxclass": "comment",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      20,
      1580,
      100,
      20
     ],
     "presentation": 1,
     "presentation_rect": [
      358.0,
      0,
      70.0,
      18
     ],
     "text": "drums"
    }
   },
   {
    "box": {
     "id": "obj-99",
     "maxclass": "multislider",
     "numinlets": 1,
     "numoutlets": 2,
     "patching_rect": [
      320,
      1608,
      24,
      80
     ],
     "presentation": 1,
     "presentation_rect": [
      392.0,
      18,
      24,
      80
     ],
     "outlettype": [
      "",
      ""
     ],
     "size": 2,
     "setstyle": 1,
     "setminmax": [
      -90.0,
      0.0
     ],
     "settype": 1,
     "ignoreclick": 1
    }
   },
   {
    "box": {
     "id": "obj-100",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      320,
      1580,
      154.0,
      22
     ],
     "outlettype": [
      ""
     ],
     "text": "r restem-drums-level"
    }
   },
   {
    "box": {
     "id": "obj-101",
     "maxclass": "comment",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      620,
      1580,
      100,
      20
     ],
     "presentation": 1,
     "presentation_rect": [
      358.0,
      146,
      70.0,
      18
     ],
     "text": "M   S   pan"
    }
   },
   {
    "box": {
     "id": "obj-102",
     "maxclass": "flonum",
     "numinlets": 1,
     "numoutlets": 2,
     "patching_rect": [
      920,
      1608,
      50,
      22
     ],
     "presentation": 1,
     "presentation_rect": [
      366.0,
      100,
      50,
      22
     ],
     "outlettype": [
      "",
      ""
     ],
     "minimum": -90.0,
     "maximum": 12.0
    }
   },
   {
    "box": {
     "id": "obj-103",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      920,
      1580,
      168.0,
      22
     ],
     "outlettype": [
      ""
     ],
     "text": "r restem-drums-gain_db"
    }
   },
   {
    "box": {
     "id": "obj-104",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      920,
      1636,
      196.0,
      22
     ],
     "outlettype": [],
     "text": "s restem-drums-gain_db-out"
    }
   },
   {
    "box": {
     "id": "obj-105",
     "maxclass": "slider",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      1220,
      1608,
      22,
      80
     ],
     "presentation": 1,
     "presentation_rect": [
      364.0,
      18,
      22,
      80
     ],
     "outlettype": [
      ""
     ],
     "floatoutput": 1,
     "min": 0.0,
     "size": 1.0
    }
   },
   {
    "box": {
     "id": "obj-106",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      1220,
      1580,
      154.0,
      22
     ],
     "outlettype": [
      ""
     ],
     "text": "r restem-drums-fader"
    }
   },
   {
    "box": {
     "id": "obj-107",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      1220,
      1694,
      182.0,
      22
     ],
     "outlettype": [],
     "text": "s restem-drums-fader-out"
    }
   },
   {
    "box": {
     "id": "obj-108",
     "maxclass": "toggle",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      20,
      1798,
      20,
      20
     ],
     "presentation": 1,
     "presentation_rect": [
      362.0,
      124,
      20,
      20
     ],
     "outlettype": [
      "int"
     ]
    }
   },
   {
    "box": {
     "id": "obj-109",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      20,
      1770,
      147.0,
      22
     ],
     "outlettype": [
      ""
     ],
     "text": "r restem-drums-mute"
    }
   },
   {
    "box": {
     "id": "obj-110",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      20,
      1824,
      175.0,
      22
     ],
     "outlettype": [],
     "text": "s restem-drums-mute-out"
    }
   },
   {
    "box": {
     "id": "obj-111",
     "maxclass": "toggle",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      320,
      1798,
      20,
      20
     ],
     "presentation": 1,
     "presentation_rect": [
      384.0,
      124,
      20,
      20
     ],
     "outlettype": [
      "int"
     ]
    }
   },
   {
    "box": {
     "id": "obj-112",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      320,
      1770,
      147.0,
      22
     ],
     "outlettype": [
      ""
     ],
     "text": "r restem-drums-solo"
    }
   },
   {
    "box": {
     "id": "obj-113",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      320,
      1824,
      175.0,
      22
     ],
     "outlettype": [],
     "text": "s restem-drums-solo-out"
    }
   },
   {
    "box": {
     "id": "obj-114",
     "maxclass": "dial",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      620,
      1798,
      22,
      22
     ],
     "presentation": 1,
     "presentation_rect": [
      405.0,
      124,
      22,
      22
     ],
     "outlettype": [
      "float"
     ],
     "floatoutput": 1,
     "min": -1.0,
     "size": 2.0
    }
   },
   {
    "box": {
     "id": "obj-115",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      620,
      1770,
      140.0,
      22
     ],
     "outlettype": [
      ""
     ],
     "text": "r restem-drums-pan"
    }
   },
   {
    "box": {
     "id": "obj-116",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      620,
      1826,
      168.0,
      22
     ],
     "outlettype": [],
     "text": "s restem-drums-pan-out"
    }
   },
   {
    "box": {
     "id": "obj-117",
     "maxclass": "comment",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      920,
      1770,
      100,
      20
     ],
     "presentation": 1,
     "presentation_rect": [
      428.0,
      0,
      70.0,
      18
     ],
     "text": "percussions"
    }
   },
   {
    "box": {
     "id": "obj-118",
     "maxclass": "multislider",
     "numinlets": 1,
     "numoutlets": 2,
     "patching_rect": [
      1220,
      1798,
      24,
      80
     ],
     "presentation": 1,
     "presentation_rect": [
      462.0,
      18,
      24,
      80
     ],
     "outlettype": [
      "",
      ""
     ],
     "size": 2,
     "setstyle": 1,
     "setminmax": [
      -90.0,
      0.0
     ],
     "settype": 1,
     "ignoreclick": 1
    }
   },
   {
    "box": {
     "id": "obj-119",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      1220,
      1770,
      196.0,
      22
     ],
     "outlettype": [
      ""
     ],
     "text": "r restem-percussions-level"
    }
   },
   {
    "box": {
     "id": "obj-120",
     "maxclass": "comment",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      20,
      1960,
      100,
      20
     ],
     "presentation": 1,
     "presentation_rect": [
      428.0,
      146,
      70.0,
      18
     ],
     "text": "M   S   pan"
    }
   },
   {
    "box": {
     "id": "obj-121",
     "maxclass": "flonum",
     "numinlets": 1,
     "numoutlets": 2,
     "patching_rect": [
      320,
      1988,
      50,
      22
     ],
     "presentation": 1,
     "presentation_rect": [
      436.0,
      100,
      50,
      22
     ],
     "outlettype": [
      "",
      ""
     ],
     "minimum": -90.0,
     "maximum": 12.0
    }
   },
   {
    "box": {
     "id": "obj-122",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      320,
      1960,
      210.0,
      22
     ],
     "outlettype": [
      ""
     ],
     "text": "r restem-percussions-gain_db"
    }
   },
   {
    "box": {
     "id": "obj-123",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      320,
      2016,
      238.0,
      22
     ],
     "outlettype": [],
     "text": "s restem-percussions-gain_db-out"
    }
   },
   {
    "box": {
     "id": "obj-124",
     "maxclass": "slider",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      620,
      1988,
      22,
      80
     ],
     "presentation": 1,
     "presentation_rect": [
      434.0,
      18,
      22,
      80
     ],
     "outlettype": [
      ""
     ],
     "floatoutput": 1,
     "min": 0.0,
     "size": 1.0
    }
   },
   {
    "box": {
     "id": "obj-125",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      620,
      1960,
      196.0,
      22
     ],
     "outlettype": [
      ""
     ],
     "text": "r restem-percussions-fader"
    }
   },
   {
    "box": {
     "id": "obj-126",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      620,
      2074,
      224.0,
      22
     ],
     "outlettype": [],
     "text": "s restem-percussions-fader-out"
    }
   },
   {
    "box": {
     "id": "obj-127",
     "maxclass": "toggle",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      920,
      1988,
      20,
      20
     ],
     "presentation": 1,
     "presentation_rect": [
      432.0,
      124,
      20,
      20
     ],
     "outlettype": [
      "int"
     ]
    }
   },
   {
    "box": {
     "id": "obj-128",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      920,
      1960,
      189.0,
      22
     ],
     "outlettype": [
      ""
     ],
     "text": "r restem-percussions-mute"
    }
   },
   {
    "box": {
     "id": "obj-129",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      920,
      2014,
      217.0,
      22
     ],
     "outlettype": [],
     "text": "s restem-percussions-mute-out"
    }
   },
   {
    "box": {
     "id": "obj-130",
     "maxclass": "toggle",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      1220,
      1988,
      20,
      20
     ],
     "presentation": 1,
     "presentation_rect": [
      454.0,
      124,
      20,
      20
     ],
     "outlettype": [
      "int"
     ]
    }
   },
   {
    "box": {
     "id": "obj-131",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      1220,
      1960,
      189.0,
      22
     ],
     "outlettype": [
      ""
     ],
     "text": "r restem-percussions-solo"
    }
   },
   {
    "box": {
     "id": "obj-132",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      1220,
      2014,
      217.0,
      22
     ],
     "outlettype": [],
     "text": "s restem-percussions-solo-out"
    }
   },
   {
    "box": {
     "id": "obj-133",
     "maxclass": "dial",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      20,
      2178,
      22,
      22
     ],
     "presentation": 1,
     "presentation_rect": [
      475.0,
      124,
      22,
      22
     ],
     "outlettype": [
      "float"
     ],
     "floatoutput": 1,
     "min": -1.0,
     "size": 2.0
    }
   },
   {
    "box": {
     "id": "obj-134",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      20,
      2150,
      182.0,
      22
     ],
     "outlettype": [
      ""
     ],
     "text": "r restem-percussions-pan"
    }
   },
   {
    "box": {
     "id": "obj-135",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      20,
      2206,
      210.0,
      22
     ],
     "outlettype": [],
     "text": "s restem-percussions-pan-out"
    }
   },
   {
    "box": {
     "id": "obj-136",
     "maxclass": "comment",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      320,
      2150,
      100,
      20
     ],
     "presentation": 1,
     "presentation_rect": [
      498.0,
      0,
      70.0,
      18
     ],
     "text": "orchestral"
    }
   },
   {
    "box": {
     "id": "obj-137",
     "maxclass": "multislider",
     "numinlets": 1,
     "numoutlets": 2,
     "patching_rect": [
      620,
      2178,
      24,
      80
     ],
     "presentation": 1,
     "presentation_rect": [
      532.0,
      18,
      24,
      80
     ],
     "outlettype": [
      "",
      ""
     ],
     "size": 2,
     "setstyle": 1,
     "setminmax": [
      -90.0,
      0.0
     ],
     "settype": 1,
     "ignoreclick": 1
    }
   },
   {
    "box": {
     "id": "obj-138",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      620,
      2150,
      189.0,
      22
     ],
     "outlettype": [
      ""
     ],
     "text": "r restem-orchestral-level"
    }
   },
   {
    "box": {
     "id": "obj-139",
     "maxclass": "comment",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      920,
      2150,
      100,
      20
     ],
     "presentation": 1,
     "presentation_rect": [
      498.0,
      146,
      70.0,
      18
     ],
     "text": "M   S   pan"
    }
   },
   {
    "box": {
     "id": "obj-140",
     "maxclass": "flonum",
     "numinlets": 1,
     "numoutlets": 2,
     "patching_rect": [
      1220,
      2178,
      50,
      22
     ],
     "presentation": 1,
     "presentation_rect": [
      506.0,
      100,
      50,
      22
     ],
     "outlettype": [
      "",
      ""
     ],
     "minimum": -90.0,
     "maximum": 12.0
    }
   },
   {
    "box": {
     "id": "obj-141",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      1220,
      2150,
      203.0,
      22
     ],
     "outlettype": [
      ""
     ],
     "text": "r restem-orchestral-gain_db"
    }
   },
   {
    "box": {
     "id": "obj-142",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      1220,
      2206,
      231.0,
      22
     ],
     "outlettype": [],
     "text": "s restem-orchestral-gain_db-out"
    }
   },
   {
    "box": {
     "id": "obj-143",
     "maxclass": "slider",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      20,
      2368,
      22,
      80
     ],
     "presentation": 1,
     "presentation_rect": [
      504.0,
      18,
      22,
      80
     ],
     "outlettype": [
      ""
     ],
     "floatoutput": 1,
     "min": 0.0,
     "size": 1.0
    }
   },
   {
    "box": {
     "id": "obj-144",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      20,
      2340,
      189.0,
      22
     ],
     "outlettype": [
      ""
     ],
     "text": "r restem-orchestral-fader"
    }
   },
   {
    "box": {
     "id": "obj-145",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      20,
      2454,
      217.0,
      22
     ],
     "outlettype": [],
     "text": "s restem-orchestral-fader-out"
    }
   },
   {
    "box": {
     "id": "obj-146",
     "maxclass": "toggle",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      320,
      2368,
      20,
      20
     ],
     "presentation": 1,
     "presentation_rect": [
      502.0,
      124,
      20,
      20
     ],
     "outlettype": [
      "int"
     ]
    }
   },
   {
    "box": {
     "id": "obj-147",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      320,
      2340,
      182.0,
      22
     ],
     "outlettype": [
      ""
     ],
     "text": "r restem-orchestral-mute"
    }
   },
   {
    "box": {
     "id": "obj-148",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      320,
      2394,
      210.0,
      22
     ],
     "outlettype": [],
     "text": "s restem-orchestral-mute-out"
    }
   },
   {
    "box": {
     "id": "obj-149",
     "maxclass": "toggle",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      620,
      2368,
      20,
      20
     ],
     "presentation": 1,
     "presentation_rect": [
      524.0,
      124,
      20,
      20
     ],
     "outlettype": [
      "int"
     ]
    }
   },
   {
    "box": {
     "id": "obj-150",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      620,
      2340,
      182.0,
      22
     ],
     "outlettype": [
      ""
     ],
     "text": "r restem-orchestral-solo"
    }
   },
   {
    "box": {
     "id": "obj-151",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      620,
      2394,
      210.0,
      22
     ],
     "outlettype": [],
     "text": "s restem-orchestral-solo-out"
    }
   },
   {
    "box": {
     "id": "obj-152",
     "maxclass": "dial",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      920,
      2368,
      22,
      22
     ],
     "presentation": 1,
     "presentation_rect": [
      545.0,
      124,
      22,
      22
     ],
     "outlettype": [
      "float"
     ],
     "floatoutput": 1,
     "min": -1.0,
     "size": 2.0
    }
   },
   {
    "box": {
     "id": "obj-153",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      920,
      2340,
      175.0,
      22
     ],
     "outlettype": [
      ""
     ],
     "text": "r restem-orchestral-pan"
    }
   },
   {
    "box": {
     "id": "obj-154",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      920,
      2396,
      203.0,
      22
     ],
     "outlettype": [],
     "text": "s restem-orchestral-pan-out"
    }
   },
   {
    "box": {
     "id": "obj-155",
     "maxclass": "comment",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      1220,
      2340,
      100,
      20
     ],
     "presentation": 1,
     "presentation_rect": [
      568.0,
      0,
      70.0,
      18
     ],
     "text": "residual"
    }
   },
   {
    "box": {
     "id": "obj-156",
     "maxclass": "multislider",
     "numinlets": 1,
     "numoutlets": 2,
     "patching_rect": [
      20,
      2558,
      24,
      80
     ],
     "presentation": 1,
     "presentation_rect": [
      602.0,
      18,
      24,
      80
     ],
     "outlettype": [
      "",
      ""
     ],
     "size": 2,
     "setstyle": 1,
     "setminmax": [
      -90.0,
      0.0
     ],
     "settype": 1,
     "ignoreclick": 1
    }
   },
   {
    "box": {
     "id": "obj-157",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      20,
      2530,
      175.0,
      22
     ],
     "outlettype": [
      ""
     ],
     "text": "r restem-residual-level"
    }
   },
   {
    "box": {
     "id": "obj-158",
     "maxclass": "comment",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      320,
      2530,
      100,
      20
     ],
     "presentation": 1,
     "presentation_rect": [
      568.0,
      146,
      70.0,
      18
     ],
     "text": "M   S   pan"
    }
   },
   {
    "box": {
     "id": "obj-159",
     "maxclass": "flonum",
     "numinlets": 1,
     "numoutlets": 2,
     "patching_rect": [
      620,
      2558,
      50,
      22
     ],
     "presentation": 1,
     "presentation_rect": [
      576.0,
      100,
      50,
      22
     ],
     "outlettype": [
      "",
      ""
     ],
     "minimum": -90.0,
     "maximum": 12.0
    }
   },
   {
    "box": {
     "id": "obj-160",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      620,
      2530,
      189.0,
      22
     ],
     "outlettype": [
      ""
     ],
     "text": "r restem-residual-gain_db"
    }
   },
   {
    "box": {
     "id": "obj-161",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      620,
      2586,
      217.0,
      22
     ],
     "outlettype": [],
     "text": "s restem-residual-gain_db-out"
    }
   },
   {
    "box": {
     "id": "obj-162",
     "maxclass": "slider",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      920,
      2558,
      22,
      80
     ],
     "presentation": 1,
     "presentation_rect": [
      574.0,
      18,
      22,
      80
     ],
     "outlettype": [
      ""
     ],
     "floatoutput": 1,
     "min": 0.0,
     "size": 1.0
    }
   },
   {
    "box": {
     "id": "obj-163",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      920,
      2530,
      175.0,
      22
     ],
     "outlettype": [
      ""
     ],
     "text": "r restem-residual-fader"
    }
   },
   {
    "box": {
     "id": "obj-164",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      920,
      2644,
      203.0,
      22
     ],
     "outlettype": [],
     "text": "s restem-residual-fader-out"
    }
   },
   {
    "box": {
     "id": "obj-165",
     "maxclass": "toggle",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      1220,
      2558,
      20,
      20
     ],
     "presentation": 1,
     "presentation_rect": [
      572.0,
      124,
      20,
      20
     ],
     "outlettype": [
      "int"
     ]
    }
   },
   {
    "box": {
     "id": "obj-166",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      1220,
      2530,
      168.0,
      22
     ],
     "outlettype": [
      ""
     ],
     "text": "r restem-residual-mute"
    }
   },
   {
    "box": {
     "id": "obj-167",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      1220,
      2584,
      196.0,
      22
     ],
     "outlettype": [],
     "text": "s restem-residual-mute-out"
    }
   },
   {
    "box": {
     "id": "obj-168",
     "maxclass": "toggle",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      20,
      2748,
      20,
      20
     ],
     "presentation": 1,
     "presentation_rect": [
      594.0,
      124,
      20,
      20
     ],
     "outlettype": [
      "int"
     ]
    }
   },
   {
    "box": {
     "id": "obj-169",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      20,
      2720,
      168.0,
      22
     ],
     "outlettype": [
      ""
     ],
     "text": "r restem-residual-solo"
    }
   },
   {
    "box": {
     "id": "obj-170",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      20,
      2774,
      196.0,
      22
     ],
     "outlettype": [],
     "text": "s restem-residual-solo-out"
    }
   },
   {
    "box": {
     "id": "obj-171",
     "maxclass": "dial",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      320,
      2748,
      22,
      22
     ],
     "presentation": 1,
     "presentation_rect": [
      615.0,
      124,
      22,
      22
     ],
     "outlettype": [
      "float"
     ],
     "floatoutput": 1,
     "min": -1.0,
     "size": 2.0
    }
   },
   {
    "box": {
     "id": "obj-172",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      320,
      2720,
      161.0,
      22
     ],
     "outlettype": [
      ""
     ],
     "text": "r restem-residual-pan"
    }
   },
   {
    "box": {
     "id": "obj-173",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      320,
      2776,
      189.0,
      22
     ],
     "outlettype": [],
     "text": "s restem-residual-pan-out"
    }
   },
   {
    "box": {
     "id": "obj-174",
     "maxclass": "comment",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      620,
      2720,
      100,
      20
     ],
     "presentation": 1,
     "presentation_rect": [
      638.0,
      0,
      70.0,
      18
     ],
     "text": "master"
    }
   },
   {
    "box": {
     "id": "obj-175",
     "maxclass": "multislider",
     "numinlets": 1,
     "numoutlets": 2,
     "patching_rect": [
      920,
      2748,
      24,
      80
     ],
     "presentation": 1,
     "presentation_rect": [
      672.0,
      18,
      24,
      80
     ],
     "outlettype": [
      "",
      ""
     ],
     "size": 2,
     "setstyle": 1,
     "setminmax": [
      -90.0,
      0.0
     ],
     "settype": 1,
     "ignoreclick": 1
    }
   },
   {
    "box": {
     "id": "obj-176",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      920,
      2720,
      161.0,
      22
     ],
     "outlettype": [
      ""
     ],
     "text": "r restem-master-level"
    }
   },
   {
    "box": {
     "id": "obj-177",
     "maxclass": "dial",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      1220,
      2748,
      22,
      22
     ],
     "presentation": 1,
     "presentation_rect": [
      716.0,
      2,
      22,
      22
     ],
     "outlettype": [
      "float"
     ],
     "floatoutput": 1,
     "min": 0.0,
     "size": 1.0
    }
   },
   {
    "box": {
     "id": "obj-178",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      1220,
      2720,
      126.0,
      22
     ],
     "outlettype": [
      ""
     ],
     "text": "r restem-dry_wet"
    }
   },
   {
    "box": {
     "id": "obj-179",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      1220,
      2776,
      154.0,
      22
     ],
     "outlettype": [],
     "text": "s restem-dry_wet-out"
    }
   },
   {
    "box": {
     "id": "obj-180",
     "maxclass": "comment",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      20,
      2910,
      100,
      20
     ],
     "presentation": 1,
     "presentation_rect": [
      770.0,
      2,
      66,
      18
     ],
     "text": "dry_wet"
    }
   },
   {
    "box": {
     "id": "obj-181",
     "maxclass": "flonum",
     "numinlets": 1,
     "numoutlets": 2,
     "patching_rect": [
      320,
      2938,
      50,
      22
     ],
     "presentation": 1,
     "presentation_rect": [
      716.0,
      26,
      50,
      22
     ],
     "outlettype": [
      "",
      ""
     ],
     "minimum": -90.0,
     "maximum": 12.0
    }
   },
   {
    "box": {
     "id": "obj-182",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      320,
      2910,
      175.0,
      22
     ],
     "outlettype": [
      ""
     ],
     "text": "r restem-master_gain_db"
    }
   },
   {
    "box": {
     "id": "obj-183",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      320,
      2966,
      203.0,
      22
     ],
     "outlettype": [],
     "text": "s restem-master_gain_db-out"
    }
   },
   {
    "box": {
     "id": "obj-184",
     "maxclass": "comment",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      620,
      2910,
      100,
      20
     ],
     "presentation": 1,
     "presentation_rect": [
      770.0,
      26,
      66,
      18
     ],
     "text": "master_gain"
    }
   },
   {
    "box": {
     "id": "obj-185",
     "maxclass": "toggle",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      920,
      2938,
      20,
      20
     ],
     "presentation": 1,
     "presentation_rect": [
      716.0,
      50,
      20,
      20
     ],
     "outlettype": [
      "int"
     ]
    }
   },
   {
    "box": {
     "id": "obj-186",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      920,
      2910,
      119.0,
      22
     ],
     "outlettype": [
      ""
     ],
     "text": "r restem-bypass"
    }
   },
   {
    "box": {
     "id": "obj-187",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      920,
      2964,
      147.0,
      22
     ],
     "outlettype": [],
     "text": "s restem-bypass-out"
    }
   },
   {
    "box": {
     "id": "obj-188",
     "maxclass": "comment",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      1220,
      2910,
      100,
      20
     ],
     "presentation": 1,
     "presentation_rect": [
      770.0,
      50,
      66,
      18
     ],
     "text": "bypass"
    }
   },
   {
    "box": {
     "id": "obj-189",
     "maxclass": "toggle",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      20,
      3128,
      20,
      20
     ],
     "presentation": 1,
     "presentation_rect": [
      716.0,
      74,
      20,
      20
     ],
     "outlettype": [
      "int"
     ]
    }
   },
   {
    "box": {
     "id": "obj-190",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      20,
      3100,
      126.0,
      22
     ],
     "outlettype": [
      ""
     ],
     "text": "r restem-ceiling"
    }
   },
   {
    "box": {
     "id": "obj-191",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      20,
      3154,
      154.0,
      22
     ],
     "outlettype": [],
     "text": "s restem-ceiling-out"
    }
   },
   {
    "box": {
     "id": "obj-192",
     "maxclass": "comment",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      320,
      3100,
      100,
      20
     ],
     "presentation": 1,
     "presentation_rect": [
      770.0,
      74,
      66,
      18
     ],
     "text": "ceiling"
    }
   },
   {
    "box": {
     "id": "obj-193",
     "maxclass": "toggle",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      620,
      3128,
      20,
      20
     ],
     "presentation": 1,
     "presentation_rect": [
      836.0,
      2,
      20,
      20
     ],
     "outlettype": [
      "int"
     ]
    }
   },
   {
    "box": {
     "id": "obj-194",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      620,
      3100,
      119.0,
      22
     ],
     "outlettype": [
      ""
     ],
     "text": "r restem-record"
    }
   },
   {
    "box": {
     "id": "obj-195",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      620,
      3154,
      147.0,
      22
     ],
     "outlettype": [],
     "text": "s restem-record-out"
    }
   },
   {
    "box": {
     "id": "obj-196",
     "maxclass": "comment",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      920,
      3100,
      100,
      20
     ],
     "presentation": 1,
     "presentation_rect": [
      890.0,
      2,
      66,
      18
     ],
     "text": "record"
    }
   },
   {
    "box": {
     "id": "obj-197",
     "maxclass": "button",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      1220,
      3128,
      20,
      20
     ],
     "presentation": 1,
     "presentation_rect": [
      836.0,
      26,
      20,
      20
     ],
     "outlettype": [
      "bang"
     ]
    }
   },
   {
    "box": {
     "id": "obj-198",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      1220,
      3100,
      112.0,
      22
     ],
     "outlettype": [
      ""
     ],
     "text": "r restem-reset"
    }
   },
   {
    "box": {
     "id": "obj-199",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      1220,
      3154,
      140.0,
      22
     ],
     "outlettype": [],
     "text": "s restem-reset-out"
    }
   },
   {
    "box": {
     "id": "obj-200",
     "maxclass": "comment",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      20,
      3290,
      100,
      20
     ],
     "presentation": 1,
     "presentation_rect": [
      890.0,
      26,
      66,
      18
     ],
     "text": "reset"
    }
   },
   {
    "box": {
     "id": "obj-201",
     "maxclass": "button",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      320,
      3318,
      20,
      20
     ],
     "presentation": 1,
     "presentation_rect": [
      836.0,
      50,
      20,
      20
     ],
     "outlettype": [
      "bang"
     ]
    }
   },
   {
    "box": {
     "id": "obj-202",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      320,
      3290,
      112.0,
      22
     ],
     "outlettype": [
      ""
     ],
     "text": "r restem-panic"
    }
   },
   {
    "box": {
     "id": "obj-203",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      320,
      3344,
      140.0,
      22
     ],
     "outlettype": [],
     "text": "s restem-panic-out"
    }
   },
   {
    "box": {
     "id": "obj-204",
     "maxclass": "comment",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      620,
      3290,
      100,
      20
     ],
     "presentation": 1,
     "presentation_rect": [
      890.0,
      50,
      66,
      18
     ],
     "text": "panic"
    }
   },
   {
    "box": {
     "id": "obj-205",
     "maxclass": "umenu",
     "numinlets": 1,
     "numoutlets": 3,
     "patching_rect": [
      920,
      3318,
      130,
      22
     ],
     "presentation": 1,
     "presentation_rect": [
      966.0,
      2,
      130,
      22
     ],
     "outlettype": [
      "",
      "",
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-206",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      920,
      3290,
      126.0,
      22
     ],
     "outlettype": [
      ""
     ],
     "text": "r restem-profile"
    }
   },
   {
    "box": {
     "id": "obj-207",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      920,
      3346,
      154.0,
      22
     ],
     "outlettype": [],
     "text": "s restem-profile-out"
    }
   },
   {
    "box": {
     "id": "obj-208",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      1220,
      3290,
      154.0,
      22
     ],
     "presentation": 1,
     "presentation_rect": [
      966.0,
      30,
      230,
      22
     ],
     "text": "; restem-listen 7771",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-209",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      20,
      3480,
      231.0,
      22
     ],
     "presentation": 1,
     "presentation_rect": [
      966.0,
      56,
      230,
      22
     ],
     "text": "; restem-connect 127.0.0.1 7770",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-210",
     "maxclass": "comment",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      320,
      3480,
      100,
      20
     ],
     "presentation": 1,
     "presentation_rect": [
      966.0,
      80,
      300,
      18
     ],
     "text": "Where restem is, and where it answers to: edit and click."
    }
   },
   {
    "box": {
     "id": "obj-211",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      620,
      3480,
      119.0,
      22
     ],
     "outlettype": [
      ""
     ],
     "text": "r restem-status"
    }
   },
   {
    "box": {
     "id": "obj-212",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      620,
      3506,
      91.0,
      22
     ],
     "outlettype": [
      ""
     ],
     "text": "prepend set"
    }
   },
   {
    "box": {
     "id": "obj-213",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      620,
      3532,
      21.0,
      22
     ],
     "presentation": 1,
     "presentation_rect": [
      716.0,
      104,
      550,
      22
     ],
     "text": "-",
     "outlettype": [
      ""
     ]
    }
   },
   {
    "box": {
     "id": "obj-214",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      920,
      3480,
      112.0,
      22
     ],
     "outlettype": [
      ""
     ],
     "text": "r restem-error"
    }
   },
   {
    "box": {
     "id": "obj-215",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 1,
     "patching_rect": [
      920,
      3506,
      91.0,
      22
     ],
     "outlettype": [
      ""
     ],
     "text": "prepend set"
    }
   },
   {
    "box": {
     "id": "obj-216",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      920,
      3532,
      21.0,
      22
     ],
     "presentation": 1,
     "presentation_rect": [
      716.0,
      132,
      550,
      22
     ],
     "text": "-",
     "outlettype": [
      ""
     ]
    }
   }
  ],
  "lines": [
   {
    "patchline": {
     "source": [
      "obj-5",
      0
     ],
     "destination": [
      "obj-4",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-8",
      0
     ],
     "destination": [
      "obj-7",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-7",
      0
     ],
     "destination": [
      "obj-9",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-11",
      0
     ],
     "destination": [
      "obj-10",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-10",
      0
     ],
     "destination": [
      "obj-12",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-14",
      0
     ],
     "destination": [
      "obj-13",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-13",
      0
     ],
     "destination": [
      "obj-15",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-17",
      0
     ],
     "destination": [
      "obj-16",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-16",
      0
     ],
     "destination": [
      "obj-18",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-20",
      0
     ],
     "destination": [
      "obj-19",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-19",
      0
     ],
     "destination": [
      "obj-21",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-24",
      0
     ],
     "destination": [
      "obj-23",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-27",
      0
     ],
     "destination": [
      "obj-26",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-26",
      0
     ],
     "destination": [
      "obj-28",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-30",
      0
     ],
     "destination": [
      "obj-29",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-29",
      0
     ],
     "destination": [
      "obj-31",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-33",
      0
     ],
     "destination": [
      "obj-32",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-32",
      0
     ],
     "destination": [
      "obj-34",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-36",
      0
     ],
     "destination": [
      "obj-35",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-35",
      0
     ],
     "destination": [
      "obj-37",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-39",
      0
     ],
     "destination": [
      "obj-38",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-38",
      0
     ],
     "destination": [
      "obj-40",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-43",
      0
     ],
     "destination": [
      "obj-42",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-46",
      0
     ],
     "destination": [
      "obj-45",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-45",
      0
     ],
     "destination": [
      "obj-47",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-49",
      0
     ],
     "destination": [
      "obj-48",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-48",
      0
     ],
     "destination": [
      "obj-50",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-52",
      0
     ],
     "destination": [
      "obj-51",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-51",
      0
     ],
     "destination": [
      "obj-53",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-55",
      0
     ],
     "destination": [
      "obj-54",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-54",
      0
     ],
     "destination": [
      "obj-56",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-58",
      0
     ],
     "destination": [
      "obj-57",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-57",
      0
     ],
     "destination": [
      "obj-59",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-62",
      0
     ],
     "destination": [
      "obj-61",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-65",
      0
     ],
     "destination": [
      "obj-64",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-64",
      0
     ],
     "destination": [
      "obj-66",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-68",
      0
     ],
     "destination": [
      "obj-67",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-67",
      0
     ],
     "destination": [
      "obj-69",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-71",
      0
     ],
     "destination": [
      "obj-70",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-70",
      0
     ],
     "destination": [
      "obj-72",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-74",
      0
     ],
     "destination": [
      "obj-73",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-73",
      0
     ],
     "destination": [
      "obj-75",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-77",
      0
     ],
     "destination": [
      "obj-76",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-76",
      0
     ],
     "destination": [
      "obj-78",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-81",
      0
     ],
     "destination": [
      "obj-80",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-84",
      0
     ],
     "destination": [
      "obj-83",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-83",
      0
     ],
     "destination": [
      "obj-85",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-87",
      0
     ],
     "destination": [
      "obj-86",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-86",
      0
     ],
     "destination": [
      "obj-88",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-90",
      0
     ],
     "destination": [
      "obj-89",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-89",
      0
     ],
     "destination": [
      "obj-91",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-93",
      0
     ],
     "destination": [
      "obj-92",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-92",
      0
     ],
     "destination": [
      "obj-94",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-96",
      0
     ],
     "destination": [
      "obj-95",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-95",
      0
     ],
     "destination": [
      "obj-97",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-100",
      0
     ],
     "destination": [
      "obj-99",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-103",
      0
     ],
     "destination": [
      "obj-102",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-102",
      0
     ],
     "destination": [
      "obj-104",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-106",
      0
     ],
     "destination": [
      "obj-105",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-105",
      0
     ],
     "destination": [
      "obj-107",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-109",
      0
     ],
     "destination": [
      "obj-108",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-108",
      0
     ],
     "destination": [
      "obj-110",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-112",
      0
     ],
     "destination": [
      "obj-111",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-111",
      0
     ],
     "destination": [
      "obj-113",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-115",
      0
     ],
     "destination": [
      "obj-114",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-114",
      0
     ],
     "destination": [
      "obj-116",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-119",
      0
     ],
     "destination": [
      "obj-118",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-122",
      0
     ],
     "destination": [
      "obj-121",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-121",
      0
     ],
     "destination": [
      "obj-123",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-125",
      0
     ],
     "destination": [
      "obj-124",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-124",
      0
     ],
     "destination": [
      "obj-126",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-128",
      0
     ],
     "destination": [
      "obj-127",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-127",
      0
     ],
     "destination": [
      "obj-129",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-131",
      0
     ],
     "destination": [
      "obj-130",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-130",
      0
     ],
     "destination": [
      "obj-132",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-134",
      0
     ],
     "destination": [
      "obj-133",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-133",
      0
     ],
     "destination": [
      "obj-135",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-138",
      0
     ],
     "destination": [
      "obj-137",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-141",
      0
     ],
     "destination": [
      "obj-140",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-140",
      0
     ],
     "destination": [
      "obj-142",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-144",
      0
     ],
     "destination": [
      "obj-143",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-143",
      0
     ],
     "destination": [
      "obj-145",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-147",
      0
     ],
     "destination": [
      "obj-146",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-146",
      0
     ],
     "destination": [
      "obj-148",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-150",
      0
     ],
     "destination": [
      "obj-149",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-149",
      0
     ],
     "destination": [
      "obj-151",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-153",
      0
     ],
     "destination": [
      "obj-152",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-152",
      0
     ],
     "destination": [
      "obj-154",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-157",
      0
     ],
     "destination": [
      "obj-156",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-160",
      0
     ],
     "destination": [
      "obj-159",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-159",
      0
     ],
     "destination": [
      "obj-161",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-163",
      0
     ],
     "destination": [
      "obj-162",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-162",
      0
     ],
     "destination": [
      "obj-164",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-166",
      0
     ],
     "destination": [
      "obj-165",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-165",
      0
     ],
     "destination": [
      "obj-167",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-169",
      0
     ],
     "destination": [
      "obj-168",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-168",
      0
     ],
     "destination": [
      "obj-170",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-172",
      0
     ],
     "destination": [
      "obj-171",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-171",
      0
     ],
     "destination": [
      "obj-173",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-176",
      0
     ],
     "destination": [
      "obj-175",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-178",
      0
     ],
     "destination": [
      "obj-177",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-177",
      0
     ],
     "destination": [
      "obj-179",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-182",
      0
     ],
     "destination": [
      "obj-181",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-181",
      0
     ],
     "destination": [
      "obj-183",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-186",
      0
     ],
     "destination": [
      "obj-185",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-185",
      0
     ],
     "destination": [
      "obj-187",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-190",
      0
     ],
     "destination": [
      "obj-189",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-189",
      0
     ],
     "destination": [
      "obj-191",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-194",
      0
     ],
     "destination": [
      "obj-193",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-193",
      0
     ],
     "destination": [
      "obj-195",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-198",
      0
     ],
     "destination": [
      "obj-197",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-197",
      0
     ],
     "destination": [
      "obj-199",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-202",
      0
     ],
     "destination": [
      "obj-201",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-201",
      0
     ],
     "destination": [
      "obj-203",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-206",
      0
     ],
     "destination": [
      "obj-205",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-205",
      1
     ],
     "destination": [
      "obj-207",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-2",
      0
     ],
     "destination": [
      "obj-208",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-2",
      0
     ],
     "destination": [
      "obj-209",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-211",
      0
     ],
     "destination": [
      "obj-212",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-212",
      0
     ],
     "destination": [
      "obj-213",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-214",
      0
     ],
     "destination": [
      "obj-215",
      0
     ],
     "order": 0
    }
   },
   {
    "patchline": {
     "source": [
      "obj-215",
      0
     ],
     "destination": [
      "obj-216",
      0
     ],
     "order": 0
    }
   }
  ],
  "dependency_cache": [],
  "autosave": 0
 }
}
