"""A link that loses packets: what leaves for 10.77.0.2 comes back as if 10.77.0.2 had sent it.

Swapping the two addresses of a packet keeps every checksum valid. So the TCP of the kernel, with its
retransmissions, runs over the link in both directions. It needs root and /dev/net/tun, and is gone
with this process.

Arguments: the share of packets to lose; the length of an outage and the time between two, in seconds.
"""

import fcntl
import os
import random
import struct
import subprocess
import sys
import time

TUNSETIFF, TUN, NO_HEADER = 0x400454CA, 0x0001, 0x1000

share, outage, period = (float(argument) for argument in sys.argv[1:])
link = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(link, TUNSETIFF, struct.pack("16sH", b"lossy", TUN | NO_HEADER))
for command in ("link set lo up", "addr add 10.77.0.1/24 dev lossy", "link set lossy up"):
    subprocess.run(["ip", *command.split()], check=True)
random.seed(11)
start = time.monotonic()
print("ready", flush=True)
while True:
    packet = os.read(link, 65536)
    is_out = (time.monotonic() - start) % period > period - outage
    if packet[0] >> 4 == 4 and not is_out and random.random() >= share:
        os.write(link, packet[:12] + packet[16:20] + packet[12:16] + packet[20:])
