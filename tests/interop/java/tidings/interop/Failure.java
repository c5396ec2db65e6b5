// SPDX-License-Identifier: Apache-2.0
package tidings.interop;

/** An expectation that did not hold, told in one line. */
final class Failure extends RuntimeException {
    private static final long serialVersionUID = 1L;

    Failure(String message) {
        super(message);
    }
}
