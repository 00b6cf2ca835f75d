{
  "targets": [
    {
      "target_name": "ntftp",
      "conditions": [
        [
          "OS=='linux'",
          {
            "sources": [
              "native/addon.cc",
              "native/address.cc",
              "native/batch_receiver.cc",
              "native/batch_sender.cc",
              "native/command_table.cc",
              "native/older_libraries.cc",
              "native/peer_table.cc",
              "native/reactor.cc",
              "native/socket_slots.cc",
              "native/udp_socket.cc"
            ],
            "include_dirs": ["<!(node -p \"require('node-addon-api').include_dir\")"],
            "defines": ["NAPI_VERSION=8", "NODE_ADDON_API_DISABLE_DEPRECATED", "NODE_ADDON_API_DISABLE_CPP_EXCEPTIONS",
              "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS"],
            "cflags_cc": ["-std=c++17", "-Wall", "-Wextra", "-Wno-cast-function-type", "-fvisibility=hidden"],
            "cflags_cc!": ["-std=gnu++17", "-std=gnu++20"]
          },
          { "type": "none" }
        ]
      ]
    }
  ]
}
