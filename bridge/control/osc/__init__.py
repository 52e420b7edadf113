"""OSC: packets, clients with leases, a server over UDP and TCP, audio in blobs."""
