# SPDX-License-Identifier: Apache-2.0
# What is installed: the program `tidings`, the library libtidings (shared and static), its headers.
