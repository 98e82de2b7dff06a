#!/bin/sh
# The core never names a driver, a protocol or a device.
set -u
names='dxl|dynamixel|xl330|xl430|xm430|feetech|modbus|canopen|damiao|odrive|moteus|serialport|libserialport|slcan'
for header in include/tenon/drivers/*.h; do
    names="$names|$(basename "$header" .h)"
done
if grep -nEi "$names" $(find src -name '*.[ch]') /dev/null; then
    echo "src/ names a driver"
    exit 1
fi
# Nor does a driver name the operating system's way of doing things: that is for drivers/line and port.
if grep -nE '\b(printf|fprintf|snprintf|malloc|calloc|realloc|free|alloca|abort|exit)[[:space:]]*\(' \
    $(find src drivers/codec drivers/bus drivers/motor drivers/reducer drivers/controller sim -name '*.[ch]') \
    drivers/line/memory_line.c drivers/line/memory_can_line.c drivers/line/slcan_line.c; then
    echo "no heap, no stdio and no exit in core, portable drivers and sim"
    exit 1
fi
exit 0
