// SPDX-License-Identifier: Apache-2.0
// The face of this room is public: include/tidings/barrier.h.
#ifndef ONCE_ONCE_H
#define ONCE_ONCE_H

#include <tidings/barrier.h>

#endif
