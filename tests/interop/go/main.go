// SPDX-License-Identifier: Apache-2.0

// Runs scenarios with the official Go client against the server at -ns: "interop SCENARIO..." or
// "interop all". Prints "PASS name" or "FAIL name: reason" for each and exits 0 only when all passed.
package main

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/apache/rocketmq-client-go/v2/rlog"
)

const scenarioLimit = 120 * time.Second

type scenario struct {
	name string
	run  func(*env)
}

var scenarios = []scenario{
	{"tags", tags},
	{"send-kinds", sendKinds},
	{"retry-ladder", retryLadder},
	{"retry-answers", retryAnswers},
	{"orderly", orderly},
	{"broadcast", broadcast},
	{"shutdown", shutdown},
	{"transactions", transactions},
	{"transaction-takeover", transactionTakeover},
}

func main() {
	var opts options
	var rungs, log string
	var list, open bool
	flag.StringVar(&opts.nameServer, "ns", "127.0.0.1:9876", "name server, host:port")
	flag.StringVar(&rungs, "ladder", "1000,2000,3000", "rungs of the server's retry ladder in ms")
	flag.BoolVar(&opts.prime, "prime", false,
		"the server makes the retry topic only at the first heartbeat")
	flag.StringVar(&log, "log", os.DevNull, "log file of the client library")
	flag.BoolVar(&list, "list", false, "print the names of the scenarios")
	flag.BoolVar(&open, "halves", false, "GROUP TOPIC: leave transactions open and wait to be killed")
	flag.Parse()
	if list {
		for _, s := range scenarios {
			fmt.Println(s.name)
		}
		return
	}
	for _, rung := range strings.Split(rungs, ",") {
		ms, err := strconv.Atoi(rung)
		if err != nil {
			fmt.Fprintln(os.Stderr, "bad -ladder:", err)
			os.Exit(2)
		}
		opts.ladder = append(opts.ladder, time.Duration(ms)*time.Millisecond)
	}
	rlog.SetLogLevel("warn")
	if err := rlog.SetOutputPath(log); err != nil {
		fmt.Fprintln(os.Stderr, "bad -log:", err)
		os.Exit(2)
	}
	if open {
		leaveOpen(opts, flag.Arg(0), flag.Arg(1))
		return
	}
	wanted := flag.Args()
	if len(wanted) == 1 && wanted[0] == "all" {
		wanted = nil
		for _, s := range scenarios {
			wanted = append(wanted, s.name)
		}
	}
	good := len(wanted) > 0
	for _, name := range wanted {
		good = runNamed(name, opts) && good
	}
	if !good {
		os.Exit(1)
	}
}

func runNamed(name string, opts options) bool {
	for _, s := range scenarios {
		if s.name != name {
			continue
		}
		start := time.Now()
		if reason := attempt(s, opts); reason != "" {
			fmt.Printf("FAIL %s: %s\n", name, strings.ReplaceAll(reason, "\n", " "))
			return false
		}
		fmt.Printf("PASS %s (%d ms)\n", name, time.Since(start).Milliseconds())
		return true
	}
	fmt.Printf("FAIL %s: no such scenario\n", name)
	return false
}

// attempt returns why the scenario failed, or "". Expectations that do not hold panic with a failure.
func attempt(s scenario, opts options) string {
	outcome := make(chan string, 1)
	go func() {
		e := newEnv(s.name, opts)
		defer func() {
			reason := ""
			if r := recover(); r != nil {
				reason = fmt.Sprint(r)
			}
			e.close()
			outcome <- reason
		}()
		s.run(e)
	}()
	select {
	case reason := <-outcome:
		return reason
	case <-time.After(scenarioLimit):
		return fmt.Sprintf("not finished after %s", scenarioLimit)
	}
}
