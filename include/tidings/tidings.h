// SPDX-License-Identifier: Apache-2.0
// Everything of libtidings.
#ifndef TIDINGS_TIDINGS_H
#define TIDINGS_TIDINGS_H

#include <tidings/admin.h>
#include <tidings/barrier.h>
#include <tidings/config.h>
#include <tidings/consumer.h>
#include <tidings/message.h>
#include <tidings/producer.h>
#include <tidings/status.h>
#include <tidings/transaction.h>

#ifdef __cplusplus
extern "C" {
#endif

// "0.1.0"
TIDINGS_API const char *tidings_version(void);

#ifdef __cplusplus
}
#endif
#endif
