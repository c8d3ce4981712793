"""For tests only: a container engine and stand-ins for the images of others, on a machine that can't pull any."""
