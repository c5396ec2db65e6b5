// SPDX-License-Identifier: Apache-2.0
// The checksum of a message's body: CRC-32 (IEEE 802.3), which every client compares. Private to
// the room.
#ifndef WIRE_CRC32_H
#define WIRE_CRC32_H

#include <stddef.h>
#include <stdint.h>

uint32_t wire_crc32(const void *bytes, size_t len);
// The same without the processor's help.
uint32_t wire_crc32_plain(const void *bytes, size_t len);

#endif
