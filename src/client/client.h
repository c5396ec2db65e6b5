// SPDX-License-Identifier: Apache-2.0
// The room's face is libtidings itself.
#ifndef CLIENT_CLIENT_H
#define CLIENT_CLIENT_H

#include <tidings/tidings.h>

#endif
