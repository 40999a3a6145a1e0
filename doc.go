// Package masstrace traces the paths to many targets at once: all TTLs of thousands of
// targets in flight, over stable flows (Paris), with authenticated replies.
//
// Scan traces every target of some lists, Trace the path to one host, and Replay reads
// captures. Each gives traces to sinks as they are assembled:
//
//	var traces masstrace.Collect
//	summary, err := masstrace.Scan(ctx, masstrace.Config{Targets: []string{"192.0.2.0/24"}}, &traces)
//
// This package and its exported names are the only part of masstrace with a promise: they
// change by the rules of semantic versions. All other packages change as the command needs
// it.
//
// Scan and Trace need packet sockets: root, or CAP_NET_RAW. They change nothing of the
// process: no capability, no signal, no GOMAXPROCS. A sender occupies a processor of Go, even
// while it sleeps. A program with other work during a scan can raise GOMAXPROCS by the number
// of senders.
//
// You are about to send packets to people who did not ask for them. Read "Being a good
// citizen" in the README, and try a scan in the lab first: masstrace lab -- YOUR-PROGRAM.
package masstrace
