// SPDX-License-Identifier: Apache-2.0

// Verifies with the official Go library: a case a line, as JSON, on stdin; its verdict a line on stdout.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"os"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

type oneCase struct {
	Secret  string            `json:"secret"`
	Body    []byte            `json:"body"`
	Headers map[string]string `json:"headers"`
}

func verify(line []byte) error {
	var one oneCase
	if err := json.Unmarshal(line, &one); err != nil {
		return err
	}
	webhook, err := standardwebhooks.NewWebhook(one.Secret)
	if err != nil {
		return err
	}
	headers := http.Header{}
	for name, value := range one.Headers {
		headers.Set(name, value)
	}
	return webhook.Verify(one.Body, headers)
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		if err := verify(lines.Bytes()); err != nil {
			fmt.Printf("bad %v\n", err)
		} else {
			fmt.Println("good")
		}
	}
	if err := lines.Err(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
