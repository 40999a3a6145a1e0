package masstrace_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"slices"
	"strings"
	"time"

	"github.com/masstrace/masstrace"
)

// A scan in a few lines: every /24 of a prefix, traces in a slice.
func ExampleScan() {
	var traces masstrace.Collect
	summary, err := masstrace.Scan(context.Background(), masstrace.Config{
		Targets: []string{"45.16.0.0/20"}, Seed: "example", Attempts: 2, Wait: time.Second,
	}, &traces)
	if err != nil {
		log.Fatal(err)
	}
	reached := 0
	for _, t := range traces.Paths {
		if t.Reached {
			reached++
		}
	}
	fmt.Println(summary.Targets, "targets,", len(traces.Paths), "traces,", reached, "reached, complete:", summary.Complete)
	// Output: 16 targets, 16 traces, 16 reached, complete: true
}

// Records go to any writer, as the command writes them.
func ExampleNewNDJSON() {
	var file bytes.Buffer
	_, err := masstrace.Scan(context.Background(), masstrace.Config{
		Targets: []string{"45.16.0.0/22"}, Seed: "example", Wait: time.Second,
	}, masstrace.NewNDJSON(&file))
	if err != nil {
		log.Fatal(err)
	}
	kinds := map[string]int{}
	for lines := bufio.NewScanner(&file); lines.Scan(); {
		kind, _, _ := strings.Cut(strings.TrimPrefix(lines.Text(), `{"type":"`), `"`)
		kinds[kind]++
	}
	fmt.Println(kinds)
	// Output: map[cycle-start:1 cycle-stop:1 run:1 summary:1 trace:4 trace-ext:4]
}

// Traces come as they are assembled; leaving the loop stops the scan.
func ExamplePaths() {
	for t, err := range masstrace.Paths(context.Background(), masstrace.Config{
		Targets: []string{"45.16.0.0/18"}, Seed: "example", Method: masstrace.ICMP, Wait: time.Second,
	}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(t.StopReason, t.Reached)
		break
	}
	// Output: COMPLETED true
}

// The path to one host.
func ExampleTrace() {
	traces, err := masstrace.Trace(context.Background(), masstrace.TraceConfig{Host: "45.80.3.9", Attempts: 1})
	if err != nil {
		log.Fatal(err)
	}
	for _, h := range traces[0].Hops[:3] {
		fmt.Println(h.TTL, h.Addr, h.Kind, h.Valid)
	}
	// Output:
	// 1 20.0.1.1 ttl_exceeded strong
	// 2 20.0.2.1 ttl_exceeded strong
	// 3 20.0.3.1 ttl_exceeded strong
}

// A capture of a scan gives its traces again, without any privilege.
func ExampleReplay() {
	var traces masstrace.Collect
	summary, err := masstrace.Replay(context.Background(), masstrace.ReplayConfig{
		Files: []string{"testdata/captures/scans/udp.pcapng"},
	}, &traces)
	if err != nil {
		log.Fatal(err)
	}
	strong := slices.ContainsFunc(traces.Paths[0].Hops, func(h masstrace.Hop) bool { return h.Valid == "strong" })
	fmt.Println(len(traces.Paths), "traces, authenticated:", strong, "complete:", summary.Complete)
	// Output: 4 traces, authenticated: true complete: true
}

// Errors name the field that is to blame, or tell a run that did not finish.
func ExampleConfigError() {
	_, err := masstrace.Scan(context.Background(), masstrace.Config{Targets: []string{"45.16.0.0/20"}, MaxTTL: 99})
	if refused := new(masstrace.ConfigError); errors.As(err, &refused) {
		fmt.Println(refused.Field, "-", refused.Err)
	}
	// Output: MaxTTL - 99 is not from 1 to 63
}
