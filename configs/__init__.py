"""One YAML file per profile; `streamer.profiles` says what may stand in it."""
